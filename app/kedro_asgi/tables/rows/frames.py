"""Rows of values of libraries: frames and columns of pandas and polars, arrays of numpy."""

import sys
from collections.abc import Hashable, Sequence
from typing import Any

from kedro_asgi.tables.rows.plain import bounds

Found = tuple[int, Hashable]


def count_rows(value: Any) -> Found | None:
    """Return how many rows a frame, a column or an array has, and their kind; ``None`` for another value."""
    pandas, polars, numpy = map(sys.modules.get, ("pandas", "polars", "numpy"))
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series):
        return len(value), _kind_of_pandas(value)
    if polars is not None and isinstance(value, polars.DataFrame):
        return value.height, ("polars", *value.schema.items())
    if numpy is not None and isinstance(value, numpy.ndarray) and value.ndim:
        return len(value), ("numpy", value.dtype, value.shape[1:])
    return None


def join_frames(values: Sequence[Any]) -> Any:
    """Return frames, columns or arrays of one kind as one."""
    library = type(values[0]).__module__.partition(".")[0]
    match library:
        case "polars":
            return sys.modules["polars"].concat(values)
        case "numpy":
            return sys.modules["numpy"].concatenate(values)
    pandas: Any = sys.modules["pandas"]
    # A frame whose rows are only counted is counted anew; labels stay.
    return pandas.concat(values, ignore_index=isinstance(values[0].index, pandas.RangeIndex))


def split_frame(value: Any, counts: Sequence[int]) -> list[Any] | None:
    """Return a frame, a column or an array in parts of ``counts`` rows each; ``None`` if it has not as many rows."""
    found = count_rows(value)
    if found is None or found[0] != sum(counts):
        return None
    if not hasattr(value, "iloc"):
        return [value[start:end] for start, end in bounds(counts)]
    parts = [value.iloc[start:end] for start, end in bounds(counts)]
    is_counted = isinstance(value.index, sys.modules["pandas"].RangeIndex)
    return [part.reset_index(drop=True) for part in parts] if is_counted else parts


def _kind_of_pandas(value: Any) -> Hashable:
    index = value.index
    columns = tuple(value.columns) if value.ndim > 1 else value.name
    dtypes = tuple(value.dtypes) if value.ndim > 1 else value.dtype
    return (type(value), columns, dtypes, type(index), tuple(index.names), getattr(index, "dtype", None))
