"""Errors that the hooks and nodes of a Kedro project can catch by Kedro's classes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro_asgi.errors import KedroAsgiError, error_type

_MODULES = ("kedro.config", "kedro.io", "kedro.validation")


@contextmanager
def raise_kedro_errors() -> Iterator[None]:
    """Convert the errors of the block, so that ``except`` with Kedro's class of the same name catches them."""
    try:
        yield
    except KedroAsgiError as error:
        raise as_kedro_error(error) from error.__cause__


def as_kedro_error(error: KedroAsgiError) -> KedroAsgiError:
    """Return ``error`` as an instance of its own class and of Kedro's, if the project has imported Kedro's."""
    name = error_type(error)
    kedro_error = next((found for module in _MODULES if (found := _imported_error(module, name))), None)
    if kedro_error is None or isinstance(error, kedro_error):
        return error
    ours = type(error)
    namespace = {"__module__": ours.__module__, "__qualname__": ours.__qualname__}
    both: Any = type(ours.__name__, (ours, kedro_error), namespace)
    converted: KedroAsgiError = both.__new__(both)
    converted.args = error.args
    converted.__dict__.update(error.__dict__)
    return converted.with_traceback(error.__traceback__)


def _imported_error(module: str, name: str) -> type | None:
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None
