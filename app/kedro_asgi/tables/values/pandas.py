"""Values of pandas."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from msgspec import UNSET

from kedro_asgi.errors import TableError
from kedro_asgi.tables.records import Records, batched
from kedro_asgi.tables.values.keys import with_distinct_keys


def plain_of_pandas(pandas: Any, value: Any) -> Any:
    """Return the plain form of ``value``: records for a frame, a list for a column; UNSET for other values.

    An index with a name, or with labels that are no numbers, is kept: as columns of the records, or as keys in place
    of the list.
    """
    match value:
        case pandas.DataFrame():
            return _records(pandas, value)
        case pandas.Series():
            return _column(pandas, value)
        case pandas.MultiIndex():
            return value.tolist()
        case pandas.Index() | pandas.api.extensions.ExtensionArray():
            return _values(pandas, pandas.Series(value))
        case pandas.Timestamp():
            return value.isoformat() if value.nanosecond else value.to_pydatetime()
        case pandas.Timedelta():
            return value.isoformat() if value.nanoseconds else value.to_pytimedelta()
        case pandas.Period() | pandas.Interval():
            return str(value)
    return None if value is pandas.NA or value is pandas.NaT else UNSET


def _records(pandas: Any, frame: Any) -> Records:
    frame, names = flat_frame(pandas, frame)
    return batched(len(frame), names, partial(_columns_between, pandas, frame))


def flat_frame(pandas: Any, frame: Any) -> tuple[Any, list[str]]:
    """Return a frame with the index that is kept as columns, and the names of all columns; raises `TableError`."""
    if frame.columns.nlevels > 1:
        raise TableError("its columns have several levels; records have one name a column")
    if is_meaningful(frame.index):
        frame = _with_index(frame)
    return frame, [_label(pandas, name) for name in frame.columns]


def _columns_between(pandas: Any, frame: Any, start: int, end: int) -> Iterable[list[Any]]:
    part = frame if end - start == len(frame) else frame.iloc[start:end]
    return [_values(pandas, column) for _, column in part.items()]


def _column(pandas: Any, series: Any) -> Any:
    values = _values(pandas, series)
    if not is_meaningful(series.index):
        return values
    if series.index.nlevels > 1:
        raise TableError("its index has several levels; reset_index() makes a table of it")
    labels = [_label(pandas, label) for label in series.index]
    if len(set(labels)) < len(labels):
        raise TableError("labels of its index are repeated; reset_index() makes a table of it")
    return dict(zip(labels, values, strict=True))


def is_meaningful(index: Any) -> bool:
    """Tell whether an index is kept: it has a name, or labels that are no numbers."""
    return index.nlevels > 1 or index.name is not None or (index.dtype.kind not in "iu" and len(index) > 0)


def _with_index(frame: Any) -> Any:
    if frame.index.nlevels > 1 and None in frame.index.names:
        raise TableError("its index has levels without names; reset_index() makes columns of them")
    try:
        return frame.reset_index()
    except ValueError as error:
        raise TableError(f"its index cannot become columns: {error}") from error


def _label(pandas: Any, label: Any) -> str:
    return label.isoformat() if isinstance(label, pandas.Timestamp) else str(label)


def _values(pandas: Any, series: Any) -> list[Any]:
    """Return the values of a column: missing ones as ``None`` or NaN, others plain or of a kind known here."""
    dtype = series.dtype
    match dtype:
        case pandas.CategoricalDtype():
            known = [*_values(pandas, pandas.Series(dtype.categories)), None]
            return [known[code] for code in series.cat.codes]
        case pandas.SparseDtype():
            return _values(pandas, series.sparse.to_dense())
        case pandas.PeriodDtype() | pandas.IntervalDtype():
            return [None if missing else str(value) for value, missing in zip(series, series.isna(), strict=True)]
        case pandas.ArrowDtype():
            pass
        case _ if dtype.kind == "M":
            return _datetimes(pandas.DatetimeIndex(series))
        case _ if dtype.kind == "m":
            return _timedeltas(pandas.TimedeltaIndex(series))
        case _ if dtype.kind in "biuf" and not hasattr(dtype, "na_value"):
            return list(series.to_numpy().tolist())
    values = list(series.to_numpy(dtype=object, na_value=None).tolist())
    return with_distinct_keys(values) if dtype.kind == "O" else values


def _datetimes(index: Any) -> list[Any]:
    """Return Python's datetimes, unless a value has nanoseconds, which these cannot hold."""
    return [*index] if index.nanosecond.any() else list(index.to_pydatetime())


def _timedeltas(index: Any) -> list[Any]:
    return [*index] if index.nanoseconds.any() else list(index.to_pytimedelta())
