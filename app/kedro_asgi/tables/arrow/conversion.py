"""Tables of Arrow from frames, columns and arrays of libraries, which share their memory where the types allow it."""

import sys
from collections.abc import Mapping
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.arrow.library import pyarrow
from kedro_asgi.tables.records import check_names
from kedro_asgi.tables.values.pandas import flat_frame, is_meaningful

# A table of Arrow names its kind where it is no table: a column of values, or rows without names.
KIND = b"kedro_asgi.kind"
VALUES, ROWS = b"values", b"rows"
_PLAIN_KINDS = "biufU"


def is_frame(value: object) -> bool:
    """Tell whether ``value`` is a frame of pandas or polars, or a table of Arrow."""
    if isinstance(value, pyarrow.Table | pyarrow.RecordBatch):
        return True
    pandas, polars = map(sys.modules.get, ("pandas", "polars"))
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return True
    return polars is not None and isinstance(value, polars.DataFrame | polars.LazyFrame)


def table_of(value: Any, *, name: str) -> Any:
    """Return ``value`` as a ``pyarrow.Table``; ``None`` for what is no table of a library, or has no form in Arrow.

    A table has the columns that its records have in JSON. A column of a library or an array of one dimension is the
    column ``name``, an array of two has columns by number; both are marked, so that they become JSON as they were.
    """
    try:
        return convert_table(value, name=name)
    except TableError:
        # Such as a column of objects, which JSON may be able to hold.
        return None


def convert_table(value: Any, *, name: str) -> Any:
    """Return what `table_of` returns; raises `TableError`, which names the column that has no form in Arrow."""
    try:
        found = _table_of(value, name)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:  # `TableError` is a `ValueError`
        # Arrow says first what is wrong with a value, and then in which column that is.
        raise TableError(": ".join(map(str, reversed(error.args)))) from error
    if found is not None:
        check_names(found.schema.names)
    return found


def _table_of(value: Any, name: str) -> Any:
    if isinstance(value, pyarrow.Table):
        return value
    if isinstance(value, pyarrow.RecordBatch):
        return pyarrow.Table.from_batches([value])
    if isinstance(value, pyarrow.Array | pyarrow.ChunkedArray):
        return _marked({name: value}, VALUES)
    pandas, polars, numpy = map(sys.modules.get, ("pandas", "polars", "numpy"))
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series):
        return _of_pandas(pandas, value, name)
    if polars is not None and isinstance(value, polars.DataFrame | polars.LazyFrame | polars.Series):
        return _of_polars(polars, value, name)
    return _of_numpy(value, name) if numpy is not None and isinstance(value, numpy.ndarray) else None


def _of_pandas(pandas: Any, value: Any, name: str) -> Any:
    if isinstance(value, pandas.DataFrame):
        frame, names = flat_frame(pandas, value)
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        return table if table.schema.names == names else table.rename_columns(names)
    return None if is_meaningful(value.index) else _marked({name: pyarrow.Array.from_pandas(value)}, VALUES)


def _of_polars(polars: Any, value: Any, name: str) -> Any:
    if isinstance(value, polars.Series):
        return _marked({name: value.to_arrow(compat_level=polars.CompatLevel.oldest())}, VALUES)
    frame = value.collect() if isinstance(value, polars.LazyFrame) else value
    return frame.to_arrow(compat_level=polars.CompatLevel.oldest())


def _of_numpy(value: Any, name: str) -> Any:
    if value.dtype.kind not in _PLAIN_KINDS or value.ndim not in (1, 2):
        return None
    if value.ndim == 1:
        return _marked({name: pyarrow.array(value)}, VALUES)
    columns = range(value.shape[1])
    return _marked({str(number): pyarrow.array(value[:, number]) for number in columns}, ROWS) if columns else None


def _marked(columns: Mapping[str, Any], kind: bytes) -> Any:
    return pyarrow.table(columns).replace_schema_metadata({KIND: kind})
