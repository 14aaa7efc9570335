"""Kedro's configuration of logging is undone, and handlers of a service come and go meanwhile."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from logging.config import dictConfig

import pytest

from kedro_asgi.bridge import preserve_logging
from kedro_asgi.dispatch.run_logging import RunLogHandler, logs_collected


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, with a handler of an application."""
    found, application = logging.getLogger(), logging.NullHandler()
    found.addHandler(application)
    yield found
    found.removeHandler(application)


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def run_handlers(root: logging.Logger) -> int:
    return sum(isinstance(handler, RunLogHandler) for handler in root.handlers)


def test_what_a_configuration_does_is_undone(root: logging.Logger) -> None:
    before = list(root.handlers)
    with preserve_logging():
        root.handlers[:] = [logging.NullHandler()]
    assert root.handlers == before


def test_a_service_that_opens_meanwhile_keeps_its_handler(root: logging.Logger) -> None:
    former = list(root.handlers)
    with preserve_logging():
        collected = logs_collected("INFO")
        collected.__enter__()
        root.addHandler(logging.NullHandler())
    assert (run_handlers(root), [each for each in root.handlers if each in former]) == (1, former)
    collected.__exit__(None, None, None)
    assert root.handlers == former


def test_warnings_of_a_process_without_handlers_are_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(logging, "lastResort", logging.StreamHandler(sys.stderr))
    collected = logs_collected("INFO")
    with preserve_logging():
        # What Kedro configures for a moment.
        root.addHandler(logging.NullHandler())
        collected.__enter__()
    root.warning("it rains")
    collected.__exit__(None, None, None)
    assert capsys.readouterr().err == "it rains\n"


def test_a_service_that_closes_meanwhile_leaves_no_handler(root: logging.Logger) -> None:
    former = list(root.handlers)
    collected = logs_collected("INFO")
    collected.__enter__()
    with preserve_logging():
        collected.__exit__(None, None, None)
    assert root.handlers == former


def test_a_class_of_handlers_may_restore_them_when_it_is_imported(root: logging.Logger) -> None:
    """`logging.config` holds the lock of logging meanwhile, and a service may close at that moment."""
    closing = threading.Event()

    def import_class() -> logging.Handler:
        with preserve_logging():
            closing.set()
            # Until the other thread waits for a lock, or has removed the handler.
            wait_until(lambda: not closer.is_alive() or "remove" in where(closer))
        return logging.NullHandler()

    def close() -> None:
        closing.wait()
        collected.__exit__(None, None, None)

    former, collected = list(root.handlers), logs_collected("INFO")
    collected.__enter__()
    closer = threading.Thread(target=close, daemon=True)
    closer.start()
    configuration = {"version": 1, "incremental": False, "disable_existing_loggers": False}
    dictConfig({**configuration, "handlers": {"made": {"()": import_class}}})
    closer.join(60)
    assert not closer.is_alive()
    assert root.handlers == former


def where(thread: threading.Thread) -> list[str]:
    """Return the functions that a thread is in."""
    frame = sys._current_frames().get(thread.ident or 0)
    return [each.name for each in traceback.extract_stack(frame)] if frame is not None else []


def test_a_service_that_stays_open_keeps_its_handler(root: logging.Logger) -> None:
    with logs_collected("INFO"):
        with preserve_logging():
            root.handlers.clear()
        assert run_handlers(root) == 1
    assert run_handlers(root) == 0
