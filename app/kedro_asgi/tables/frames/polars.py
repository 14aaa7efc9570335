"""Frames of polars."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.table_form import TableForm


def polars_frame(polars: Any, columns: Mapping[str, list[Any]], form: TableForm) -> Any:
    """Return a ``polars.DataFrame``; declared types are names in polars. Raises `TableError`."""
    return polars.DataFrame([_series(polars, name, values, form) for name, values in columns.items()])


def lazy_polars_frame(polars: Any, columns: Mapping[str, list[Any]], form: TableForm) -> Any:
    """Return a ``polars.LazyFrame``."""
    return polars_frame(polars, columns, form).lazy()


def _series(polars: Any, name: str, values: list[Any], form: TableForm) -> Any:
    dtype = form.dtype_of(name)
    try:
        wanted = getattr(polars, dtype) if isinstance(dtype, str) else dtype
        series = polars.Series(name, _with_uniform_numbers(values), dtype=wanted)
        return series.str.to_datetime(form.date_format_of(name)) if name in form.parse_dates else series
    except (TypeError, ValueError, OverflowError, AttributeError, polars.exceptions.PolarsError) as error:
        raise TableError(f"column '{name}': {error}") from error


def _with_uniform_numbers(values: list[Any]) -> list[Any]:
    """Turn 1 and 2.5 in one column into floats: polars derives the type of a column from its first value."""
    if {int, float} <= set(map(type, values)):
        return [float(value) if type(value) is int else value for value in values]
    return values
