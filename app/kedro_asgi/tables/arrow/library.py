"""The library of Arrow, which has no types for a checker; importing this module imports it."""

from importlib import import_module
from typing import Any

pyarrow: Any = import_module("pyarrow")
compute: Any = import_module("pyarrow.compute")


def parquet() -> Any:
    """Return the part of the library that few tables need."""
    return import_module("pyarrow.parquet")


def csv() -> Any:
    """Return the part of the library that few tables need."""
    return import_module("pyarrow.csv")
