"""Kedro's configuration of logging reaches new loggers only, and handlers of a service come and go meanwhile."""

import logging
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from logging.config import dictConfig
from pathlib import Path

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


def test_no_configuration_takes_the_handlers_of_an_application_for_a_moment(
    root: logging.Logger, tmp_path: Path
) -> None:
    """Otherwise lines of other threads would be lost in that moment, and the handlers closed."""
    present, file = logging.getLogger("tests.present"), logging.FileHandler(tmp_path / "app.log", mode="w")
    present.addHandler(file)
    present.setLevel("INFO")
    silent = logging.getLogger("tests.silent")
    silent.disabled = True
    states: list[object] = []

    def state() -> object:
        return [(each.level, list(each.handlers), each.disabled, each.propagate) for each in (root, present, silent)]

    def look() -> logging.Filter:
        states.append(state())
        return logging.Filter()

    before = state()
    spec = {"level": "DEBUG", "handlers": ["memory"], "propagate": False}
    unused = {"class": "logging.FileHandler", "filename": str(tmp_path / "unused.log")}
    memory = {"class": "logging.handlers.MemoryHandler", "capacity": 0, "target": "file"}
    handlers = {
        "unused": unused,
        "memory": memory,
        "file": {"class": "logging.FileHandler", "filename": str(tmp_path / "made.log"), "filters": ["look"]},
    }
    new = f"tests.new.{tmp_path.name}"
    with preserve_logging():
        dictConfig(
            {
                "version": 1,
                "filters": {"look": {"()": look}},
                "handlers": handlers,
                "root": spec,
                "loggers": {"tests.present": spec, "tests": {"level": "INFO"}, "": spec, "root": spec, new: spec},
            }
        )
        states.append(state())
    present.info("it rains")
    logging.getLogger(new).debug("it snows")
    for logger in (present, logging.getLogger(new)):
        (handler,) = logger.handlers
        logger.removeHandler(handler)
        getattr(handler, "target", handler).close()
    assert states == [before, before]
    assert (tmp_path / "app.log").read_text() == "it rains\n", "the file was not closed"
    assert (tmp_path / "made.log").read_text() == "it snows\n", "a logger of its own, as it was asked for"
    assert not (tmp_path / "unused.log").exists()


def test_a_configuration_makes_no_file_for_loggers_that_it_may_not_change(tmp_path: Path) -> None:
    new = f"tests.new.{tmp_path.name}"
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(tmp_path / "made.log")}}
    config = {"version": 1, "handlers": handlers, "root": {"handlers": ["file"]}, "loggers": {new: {"level": "INFO"}}}
    with preserve_logging():
        dictConfig(config)
        assert logging.getLogger(new).level == logging.INFO
        dictConfig({"version": 1, "incremental": True, "root": {"level": "DEBUG"}, "handlers": {"none": {"level": 1}}})
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_applies_to_loggers_that_its_code_has_made(tmp_path: Path) -> None:
    new = f"tests.new.{tmp_path.name}"
    with preserve_logging():
        logging.getLogger(new)
        for level in ("INFO", "DEBUG"):
            dictConfig({"version": 1, "loggers": {new: {"level": level}}})
    assert logging.getLogger(new).level == logging.DEBUG


def test_a_broken_configuration_names_its_logger() -> None:
    with preserve_logging(), pytest.raises(ValueError, match="Unable to configure logger 'tests.broken'"):
        dictConfig({"version": 1, "loggers": {"tests.broken": {"handlers": ["none"]}}})


def test_a_configuration_in_another_thread_is_applied(root: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    with preserve_logging():
        config = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}}
        thread = threading.Thread(target=dictConfig, args=(config,))
        thread.start()
        thread.join()
        assert root.level == logging.ERROR
    assert root.level == level


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


def test_a_service_that_opens_before_handlers_are_cleared_keeps_its_handler(root: logging.Logger) -> None:
    with preserve_logging():
        collected = logs_collected("INFO")
        collected.__enter__()
        root.handlers.clear()
    assert run_handlers(root) == 1
    collected.__exit__(None, None, None)
    assert run_handlers(root) == 0


FORKED = """
import logging, os
from kedro_asgi.bridge import preserve_logging
from kedro_asgi.dispatch.run_logging import logs_collected
from kedro_asgi.runner.worker_logs import forward_logs

with logs_collected("INFO"):
    if not os.fork():
        forward_logs(print)
        with preserve_logging():
            pass
        print([type(handler).__name__ for handler in logging.root.handlers], flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_forked_process_gets_no_handler_of_its_parent_back() -> None:
    assert subprocess.check_output([sys.executable, "-c", FORKED], text=True) == "['ForwardingHandler']\n"


def test_a_service_that_stays_open_keeps_its_handler(root: logging.Logger) -> None:
    with logs_collected("INFO"):
        with preserve_logging():
            root.handlers.clear()
        assert run_handlers(root) == 1
    assert run_handlers(root) == 0
