"""Lines of a server are written by a thread of their own, and none is lost without a word."""

import io
import logging
import os
import threading
import time
from pathlib import Path

import pytest

from kedro_asgi.cli.background_log import BackgroundHandler


class BlockedStream(io.StringIO):
    """A stream that takes nothing until ``opened`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.is_waiting = threading.Event()

    def write(self, text: str) -> int:
        self.is_waiting.set()
        self.opened.wait(30)
        return super().write(text)


def logger_of(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger


def wait_for_text(stream: io.StringIO, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in stream.getvalue():
        assert time.monotonic() < deadline, stream.getvalue()
        time.sleep(0.001)


def test_lines_are_written_in_their_order_without_their_caller() -> None:
    stream = io.StringIO()
    logger = logger_of(BackgroundHandler(stream))
    for number in range(2000):
        logger.info("line %d", number)
    wait_for_text(stream, "line 1999\n")
    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(2000)]


def test_a_caller_does_not_wait_for_a_stream_that_blocks_and_lost_lines_are_told() -> None:
    stream = BlockedStream()
    handler = BackgroundHandler(stream, max_lines=10)
    logger = logger_of(handler)
    logger.error("first")
    assert stream.is_waiting.wait(30)
    for number in range(25):
        logger.info("line %d", number)
    stream.opened.set()
    handler.flush()
    assert "15 lines of the log were lost" in stream.getvalue()
    assert "line 9\n" in stream.getvalue()
    assert "line 10\n" not in stream.getvalue()


def test_a_line_says_what_was_true_when_it_was_logged() -> None:
    stream = BlockedStream()
    handler = BackgroundHandler(stream)
    value = ["before"]
    logger_of(handler).info("it is %s", value)
    value[0] = "after"
    stream.opened.set()
    handler.flush()
    assert stream.getvalue() == "it is ['before']\n"


def test_a_line_that_cannot_be_formatted_is_reported_and_hinders_no_other(capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    handler = BackgroundHandler(stream)
    logger = logger_of(handler)
    logger.info("%d", "text")
    logger.info("%d", object())
    logger.info("fine")
    handler.flush()
    assert stream.getvalue() == "fine\n"
    assert capfd.readouterr().err.count("--- Logging error ---") == 2


def test_the_end_writes_what_waits_and_later_lines_are_written_at_once() -> None:
    stream = io.StringIO()
    handler = BackgroundHandler(stream)
    logger = logger_of(handler)
    logger.info("waits")
    handler.close()
    assert stream.getvalue() == "waits\n"
    logger.info("late")
    assert stream.getvalue() == "waits\nlate\n"


def test_a_forked_process_writes_its_own_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as stream:
        handler = BackgroundHandler(stream)
        logger = logger_of(handler)
        logger.error("parent")
        handler.flush()
        if (pid := os.fork()) == 0:
            logger.info("child")
            while "child" not in path.read_text():
                time.sleep(0.001)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    assert path.read_text() == "parent\nchild\n"


def test_a_line_needs_no_lock_of_its_handler_and_passes_its_filters() -> None:
    stream = io.StringIO()
    handler = BackgroundHandler(stream)
    handler.addFilter(lambda record: record.msg != "dropped")
    log = logger_of(handler)
    assert handler.lock is not None
    with handler.lock:
        thread = threading.Thread(target=lambda: [log.warning(text) for text in ("dropped", "kept")])
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
    wait_for_text(stream, "kept")
    assert stream.getvalue() == "kept\n"


def test_urgent_lines_do_not_pile_up() -> None:
    handler = BackgroundHandler(io.StringIO())
    log = logger_of(handler)
    for _ in range(1000):
        log.warning("late")
    deadline = time.monotonic() + 30
    while not handler._urgent.empty():
        assert time.monotonic() < deadline
        log.info("next")
        time.sleep(0.001)
