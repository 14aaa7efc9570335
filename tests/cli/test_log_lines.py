"""Lines without a record say what records say, and a handler that wants records gets them."""

import io
import logging
from collections.abc import Callable

import pytest

from kedro_asgi.cli.background_log import BackgroundHandler
from kedro_asgi.cli.log_format import JsonFormatter, TextFormatter
from kedro_asgi.dispatch.run_logging import LINE_EMITTER, RunLogHandler
from kedro_asgi.events import Event
from kedro_asgi.log_lines import LineLogger
from kedro_asgi.run_context import CURRENT_RUN, RunContextFilter, run_facts


class Records(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record)


@pytest.fixture
def console() -> BackgroundHandler:
    handler = BackgroundHandler(io.StringIO())
    handler.setFormatter(TextFormatter())
    handler.addFilter(RunContextFilter())
    return handler


def logger_of(*handlers: logging.Handler, name: str = "test.lines") -> logging.Logger:
    logger = logging.Logger(name, logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    return logger


def written(handler: BackgroundHandler) -> str:
    handler.flush()
    stream = handler.stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


@pytest.mark.parametrize("make_formatter", [TextFormatter, JsonFormatter])
@pytest.mark.parametrize("text", ["completed in %sms", 'a\nline with "quotes", \x1b[31m and %s'])
def test_a_line_reads_as_its_record_does(
    console: BackgroundHandler, make_formatter: Callable[[], logging.Formatter], text: str, monkeypatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0625)
    console.setFormatter(make_formatter())
    logger, facts = logger_of(console), run_facts("run-1", ("one", "two"))
    assert LineLogger(logger).take(logging.WARNING, text, (12.5,), facts)
    logger.warning(text, 12.5, extra=facts)
    both = written(console)
    assert both[: len(both) // 2] == both[len(both) // 2 :]


def test_levels_that_are_off_cost_nothing(console: BackgroundHandler) -> None:
    logger = logger_of(console)
    logger.setLevel(logging.WARNING)
    LineLogger(logger).info("not shown")
    assert written(console) == ""


def test_a_handler_of_a_project_gets_records(console: BackgroundHandler) -> None:
    records = Records()
    LineLogger(logger_of(console, records)).info("to %s", "both")
    assert [record.getMessage() for record in records.found] == ["to both"]
    assert records.found[0].funcName == "test_a_handler_of_a_project_gets_records"
    assert written(console).endswith(" INFO    test.lines: to both\n")


def test_a_filter_or_a_format_of_a_project_gets_records(console: BackgroundHandler) -> None:
    console.addFilter(lambda record: record.getMessage() != "secret")
    lines = LineLogger(logger_of(console))
    lines.info("secret")
    console.setFormatter(TextFormatter("%(funcName)s"))
    lines.info("anything")
    assert written(console) == "test_a_filter_or_a_format_of_a_project_gets_records\n"


def test_a_factory_of_records_is_asked(console: BackgroundHandler) -> None:
    former = logging.getLogRecordFactory()

    def shouting(*args, **kwargs) -> logging.LogRecord:
        record = former(*args, **kwargs)
        record.msg = record.msg.upper()
        return record

    logging.setLogRecordFactory(shouting)
    try:
        LineLogger(logger_of(console)).info("loud")
    finally:
        logging.setLogRecordFactory(former)
    assert written(console).endswith(": LOUD\n")


def test_lines_of_the_code_of_a_run_are_still_its_events(console: BackgroundHandler) -> None:
    events: list[Event] = []
    lines = LineLogger(logger_of(console, RunLogHandler()))
    token = LINE_EMITTER.set(("run-1", events.append))
    try:
        lines.info("within")
    finally:
        LINE_EMITTER.reset(token)
    lines.info("outside")
    assert len(events) == 1
    assert written(console).count("\n") == 2


def test_a_line_in_a_run_names_it(console: BackgroundHandler) -> None:
    token = CURRENT_RUN.set(("run-1", ()))
    try:
        LineLogger(logger_of(console)).info("working")
    finally:
        CURRENT_RUN.reset(token)
    assert written(console).endswith(": [run-1] working\n")
