"""How the commands write log records: as lines of text, or as JSON objects."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kedro_asgi.encoding import encode_json, escape_surrogates
from kedro_asgi.errors.wording import indented
from kedro_asgi.log_lines import Line, LogFormat, exception_facts, message_of

TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(run_prefix)s%(message)s"

# The form of `logging.config.dictConfig`.
RUN_FILTER = {"()": "kedro_asgi.run_context.RunContextFilter"}
# Those that a line has only where they are known.
_KNOWN_FACTS = (
    *("request_id", "trace_id", "span_id", "exception"),
    *("method", "path", "route", "status", "duration_ms", "client"),
)
_SURROGATE = "\\ud"
_CLASSES = {"text": "TextFormatter", "json": "JsonFormatter"}


def formatter_config(log_format: LogFormat) -> dict[str, str]:
    """Return a formatter as `logging.config.dictConfig` takes it."""
    return {"()": f"{__name__}.{_CLASSES[log_format]}"}


class FormatsLines(logging.Formatter):
    """A formatter of lines as well as of records, unless it has another format."""

    formats_lines = True

    def format_line(self, line: Line) -> str:
        """Return what `format` returns for a record of the same content."""
        raise NotImplementedError


class TextFormatter(FormatsLines):
    """Formats records so that only the first line of each starts at the margin, and none controls a terminal."""

    def __init__(
        self, format: str | None = TEXT_FORMAT, datefmt: str | None = None, style: Any = "%", validate: bool = True
    ) -> None:
        super().__init__(format, datefmt, style, validate, defaults={"run_prefix": ""})
        self._latest = (0, "")
        self.formats_lines = format == TEXT_FORMAT and datefmt is None

    def format_line(self, line: Line) -> str:
        level = f"{logging.getLevelName(line.level):<7}"
        prefix = line.facts.get("run_prefix", "")
        return indented(f"{self._time_text(line.created)} {level} {line.logger}: {prefix}{line.message()}")

    def format(self, record: logging.LogRecord) -> str:
        return indented(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the time as `logging` does, but make the text of each second once."""
        if datefmt:
            return super().formatTime(record, datefmt)
        return self._time_text(record.created)

    def _time_text(self, created: float) -> str:
        second, text = self._latest
        if second != int(created):
            second = int(created)
            text = time.strftime(self.default_time_format, self.converter(second))
            self._latest = second, text
        return f"{text},{int(created % 1 * 1000):03d}"


class JsonFormatter(FormatsLines):
    """Formats each record as one JSON object; outside of runs, ``run_id``, ``pipeline`` and ``node`` are null."""

    def format(self, record: logging.LogRecord) -> str:
        message = message_of(record)
        line = _as_object(record.created, record.levelname, record.name, message, record.__dict__)
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = exception_facts(record.exc_info[1])
        return _as_json(line)

    def format_line(self, line: Line) -> str:
        level = logging.getLevelName(line.level)
        content = _as_object(line.created, level, line.logger, line.message(), line.facts)
        return _as_json(content)


def _as_object(created: float, level: str, logger: str, message: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name in _KNOWN_FACTS if (value := facts.get(name)) is not None}
    exception = found.get("exception")
    # Code of a project may give its records an attribute of this name, too.
    if isinstance(exception, dict) and (stack := exception.get("stack")):
        # The text has it, too.
        message = message.removesuffix(f"\n{stack}")
    return {
        "timestamp": datetime.fromtimestamp(created, UTC),
        "level": level,
        "logger": logger,
        "message": message,
        "run_id": facts.get("run_id"),
        "pipeline": facts.get("pipeline"),
        "node": facts.get("node"),
        **found,
    }


def _as_json(line: dict[str, Any]) -> str:
    text = encode_json(line, fallback=str).decode()
    if _SURROGATE not in text:
        return text
    # Half a surrogate pair is no text: some parsers refuse the line, or store another character.
    return encode_json({name: _valid(value) for name, value in line.items()}, fallback=str).decode()


def _valid(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _valid(part) for name, part in value.items()}
    return escape_surrogates(value) if isinstance(value, str) else value
