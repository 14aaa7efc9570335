"""Logs and warnings of a case, as data."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

RECORDS: list[logging.LogRecord] = []


class ListHandler(logging.Handler):
    """Keeps every record of this process; Kedro's logging configuration may make one by name."""

    def emit(self, record: logging.LogRecord) -> None:
        RECORDS.append(record)


KEDROS_LOGGING = """
version: 1
disable_existing_loggers: false
handlers: {list: {class: both_engines.recording.ListHandler}}
root: {handlers: [list], level: INFO}
"""


def record_logs() -> None:
    """Let every record of level INFO and above be kept."""
    root = logging.getLogger()
    root.handlers[:] = [ListHandler()]
    root.setLevel(logging.INFO)


@contextmanager
def recorded_warnings() -> Iterator[list[list[str]]]:
    """Yield a list that fills with categories and texts of warnings."""
    found: list[list[str]] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    found += [[warning.category.__name__, str(warning.message)] for warning in caught]


def messages() -> list[list[str]]:
    """Return level and text of what was logged."""
    return [[record.levelname, record.getMessage()] for record in RECORDS]


def hook_calls(package: str) -> list[str]:
    """Return what the hooks of a project wrote down in its module ``recorded``."""
    module = sys.modules.get(f"{package}.recorded")
    return list(getattr(module, "CALLS", ()))
