"""Logs and warnings of a case, as data."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

RECORDS: list[logging.LogRecord] = []


class ListHandler(logging.Handler):
    """Keeps every log record of this process. Kedro's logging configuration creates one by name."""

    def emit(self, record: logging.LogRecord) -> None:
        RECORDS.append(record)


KEDROS_LOGGING = """
version: 1
disable_existing_loggers: false
handlers: {list: {class: both_engines.recording.ListHandler}}
root: {handlers: [list], level: INFO}
"""


def record_logs() -> None:
    """Keep every record of level INFO and above."""
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
    """Return level and text of each log record."""
    return [[record.levelname, record.getMessage()] for record in RECORDS]


def hook_calls(package: str) -> list[str]:
    """Return the calls that the project's hooks recorded in its module ``recorded``."""
    module = sys.modules.get(f"{package}.recorded")
    return list(getattr(module, "CALLS", ()))
