"""Errors that hooks and nodes of a Kedro project can catch by Kedro's classes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro_asgi.errors import KedroAsgiError

_MODULES = ("kedro.config", "kedro.io", "kedro.validation")


@contextmanager
def kedros_errors() -> Iterator[None]:
    """Raise errors of this engine such that an ``except`` with Kedro's class of that name catches them."""
    try:
        yield
    except KedroAsgiError as error:
        raise as_kedros(error) from error.__cause__


def as_kedros(error: KedroAsgiError) -> KedroAsgiError:
    """Return ``error`` as one that is also of Kedro's class of that name, where the project imported it."""
    named = type(error).kedro_type or type(error).__qualname__
    theirs = next((found for module in _MODULES if (found := _class(module, named))), None)
    if theirs is None or isinstance(error, theirs):
        return error
    ours = type(error)
    both: Any = type(ours.__name__, (ours, theirs), {"__module__": ours.__module__, "__qualname__": ours.__qualname__})
    converted: KedroAsgiError = both.__new__(both)
    converted.args = error.args
    converted.__dict__.update(error.__dict__)
    return converted.with_traceback(error.__traceback__)


def _class(module: str, name: str) -> type | None:
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None
