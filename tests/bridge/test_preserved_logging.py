"""Kedro's configuration of logging is undone, and handlers of a service come and go meanwhile."""

import logging
from collections.abc import Iterator

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


def test_a_service_that_closes_meanwhile_leaves_no_handler(root: logging.Logger) -> None:
    former = list(root.handlers)
    collected = logs_collected("INFO")
    collected.__enter__()
    with preserve_logging():
        collected.__exit__(None, None, None)
    assert root.handlers == former


def test_a_service_that_stays_open_keeps_its_handler(root: logging.Logger) -> None:
    with logs_collected("INFO"):
        with preserve_logging():
            root.handlers.clear()
        assert run_handlers(root) == 1
    assert run_handlers(root) == 0
