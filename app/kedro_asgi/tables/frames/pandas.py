"""Frames of pandas, as pandas would read the same table from a file."""

from collections.abc import Callable, Mapping
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.table_form import LARGEST_EXACT, TableForm

_NOTHING = {type(None)}


def pandas_frame(pandas: Any, columns: Mapping[str, list[Any]], form: TableForm) -> Any:
    """Return a ``DataFrame``; a column without a declared type becomes what pandas reads from a file.

    Integers stay integers; with missing values among them they become floats, unless that would change one of them.
    Text stays text, also where it looks like a date. Raises `TableError` for a value that its column cannot hold.
    """
    frame = pandas.DataFrame({name: typed_column(pandas, name, values, form) for name, values in columns.items()})
    return with_index(frame, form)


def with_index(frame: Any, form: TableForm) -> Any:
    """Return a frame with those of its columns as the index that ``form`` names."""
    index = [name for name in form.index_col if name in frame.columns]
    return frame.set_index(index if len(index) > 1 else index[0]) if index else frame


def typed_column(pandas: Any, name: str, values: list[Any], form: TableForm) -> Any:
    """Return a list or an array, since pandas would align the index of a series; raises `TableError`."""
    dtype = form.dtype_of(name)
    if name in form.parse_dates:
        return _dates(pandas, name, values, form.date_format_of(name))
    return _untyped(pandas, values) if dtype is None else _typed(pandas, name, values, dtype, form)


def _untyped(pandas: Any, values: list[Any]) -> Any:
    kinds = set(map(type, values))
    if kinds == _NOTHING:
        return [float("nan")] * len(values)
    if kinds == {int, *_NOTHING} and any(value is not None and abs(value) > LARGEST_EXACT for value in values):
        return _exact_integers(pandas, values)
    return values


def _exact_integers(pandas: Any, values: list[Any]) -> Any:
    try:
        return pandas.array(values, dtype="Int64")
    except OverflowError:
        return pandas.Series(values, dtype=object)


def _typed(pandas: Any, name: str, values: list[Any], dtype: Any, form: TableForm) -> Any:
    try:
        wanted = pandas.api.types.pandas_dtype(dtype)
    except TypeError as error:
        raise TableError(f"column '{name}': its declared type {dtype!r} is unknown to pandas") from error
    if wanted.kind == "M":
        return _dates(pandas, name, values, form.date_format_of(name)).astype(wanted)
    return _converted(name, values, _conversion(pandas, wanted), f"as {wanted}")


def _conversion(pandas: Any, wanted: Any) -> Callable[[list[Any]], Any]:
    if issubclass(wanted.type, str):
        return lambda values: pandas.Series([_text(value) for value in values], dtype=wanted).array
    if wanted.kind == "b" and not hasattr(wanted, "na_value"):
        # A direct conversion to bool would make any text true and a missing value false.
        return lambda values: pandas.Series(values, dtype="boolean").astype(wanted).array
    return lambda values: pandas.Series(values, dtype=wanted).array


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else str(value)


def _dates(pandas: Any, name: str, values: list[Any], date_format: str | None) -> Any:
    def parse(part: list[Any]) -> Any:
        if wrong := next((value for value in part if not isinstance(value, str | None)), None):
            raise ValueError(f"{wrong!r} is no text")
        try:
            return pandas.to_datetime(part, format="ISO8601").array
        except ValueError:
            if date_format is None:
                raise
            return pandas.to_datetime(part, format=date_format).array

    return _converted(name, values, parse, "as a moment in ISO 8601")


def _converted(name: str, values: list[Any], convert: Callable[[list[Any]], Any], how: str) -> Any:
    try:
        return convert(values)
    except (ValueError, TypeError, OverflowError) as error:
        number = _first_bad(values, convert)
        where = f"record {number}: {values[number - 1]!r} cannot be read" if number else "cannot be read"
        raise TableError(f"column '{name}', {where} {how} ({error})") from error


def _first_bad(values: list[Any], convert: Callable[[list[Any]], Any]) -> int | None:
    """Return the number of the first record whose value fails by itself, by bisection."""
    start, end = 0, len(values)
    while end - start > 1:
        middle = (start + end) // 2
        start, end = (start, middle) if _fails(values[start:middle], convert) else (middle, end)
    return end if _fails(values[start:end], convert) else None


def _fails(values: list[Any], convert: Callable[[list[Any]], Any]) -> bool:
    try:
        convert(values)
    except (ValueError, TypeError, OverflowError):
        return True
    return False
