"""Kedro configures logging when it is imported and when a project is configured; here that is taken back (Q-4)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logging_left_alone() -> Iterator[None]:
    """Put the root logger's handlers and level back, whatever is imported meanwhile."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        if root.handlers != handlers:
            for handler in root.handlers:
                if handler not in handlers:
                    handler.close()
            root.handlers[:] = handlers
        root.setLevel(level)
