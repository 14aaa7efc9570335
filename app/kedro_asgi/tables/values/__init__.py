"""Turn values that JSON does not know into plain values: a module for each library."""

import sys
from collections.abc import Callable, Mapping
from itertools import chain
from types import ModuleType
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.tables.records import Records
from kedro_asgi.tables.values.arrow import plain_of_arrow
from kedro_asgi.tables.values.keys import with_distinct_keys
from kedro_asgi.tables.values.models import plain_of_plotly, plain_of_pydantic
from kedro_asgi.tables.values.numpy import plain_of_numpy
from kedro_asgi.tables.values.pandas import plain_of_pandas
from kedro_asgi.tables.values.pictures import plain_of_matplotlib, plain_of_pillow
from kedro_asgi.tables.values.polars import plain_of_polars
from kedro_asgi.tables.values.standard import plain_of_standard

_LIBRARIES: Mapping[str, Callable[[Any, Any], Any]] = {
    "pandas": plain_of_pandas,
    "numpy": plain_of_numpy,
    "polars": plain_of_polars,
    "pyarrow": plain_of_arrow,
    "plotly": plain_of_plotly,
    "matplotlib": plain_of_matplotlib,
    "PIL": plain_of_pillow,
    "pydantic": plain_of_pydantic,
}


def plain_value(value: Any) -> Any:
    """Return ``value`` in a form that JSON knows: `Records` for a table, a list for an array or a column.

    The result may again contain values that JSON does not know. Raises ``TypeError`` for a value without such a form,
    and `TableError` for a table that cannot be records.
    """
    for library, plain in _LIBRARIES.items():
        module = _imported(library)
        if module is not None and (found := plain(module, value)) is not UNSET:
            return found
    if (found := plain_of_standard(value)) is not UNSET:
        return with_distinct_keys(found)
    kind = type(value)
    raise TypeError(f"objects of type '{kind.__module__}.{kind.__qualname__}' have no JSON form")


def _imported(library: str) -> ModuleType | None:
    """Return a library that is imported already; a value of it cannot exist otherwise.

    A library that another thread is importing at this moment is incomplete, and no value of it can exist yet.
    """
    module = sys.modules.get(library)
    return None if getattr(getattr(module, "__spec__", None), "_initializing", False) else module


def as_plain(value: Any) -> Any:
    """Return ``value`` as it would come back from JSON: tables as lists of records, dates as text in ISO 8601.

    Raises ``TypeError`` for a value without a JSON form, and `TableError`.
    """
    return msgspec.json.decode(msgspec.json.encode(with_distinct_keys(value), enc_hook=whole_value))


def whole_value(value: Any) -> Any:
    """Return the same as `plain_value`, with all records of a table in one list."""
    plain = plain_value(value)
    return list(chain.from_iterable(plain.batches)) if isinstance(plain, Records) else plain
