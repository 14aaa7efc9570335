"""Make frames from columns of plain values: a module for each library."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.columns import columns_of, kind_of
from kedro_asgi.tables.frames.arrow import arrow_table
from kedro_asgi.tables.frames.pandas import pandas_frame
from kedro_asgi.tables.frames.polars import lazy_polars_frame, polars_frame
from kedro_asgi.tables.table_form import TableForm

Columns = Mapping[str, list[Any]]

_MAKERS: Mapping[str, Callable[[Any, Columns, TableForm], Any]] = {
    "pandas": pandas_frame,
    "polars": polars_frame,
    "polars.lazy": lazy_polars_frame,
    "pyarrow": arrow_table,
}


def frame_of(data: Any, form: TableForm) -> Any:
    """Return ``data``, a table as JSON gives it, as a frame; raises `TableError`."""
    make = _MAKERS[form.library]
    # This import may load the library: the catalog names it, so the project has it.
    library = import_module(form.library.partition(".")[0])
    if not form.is_sheets:
        return make(library, columns_of(data), form)
    if not isinstance(data, Mapping):
        raise TableError(f"it is {kind_of(data)}; expected is a mapping of sheets, each a table")
    return {
        name: _sheet(name, table, lambda table: make(library, columns_of(table), form)) for name, table in data.items()
    }


def _sheet(name: str, table: Any, make: Callable[[Any], Any]) -> Any:
    try:
        return make(table)
    except TableError as error:
        raise TableError(f"sheet '{name}': {error}") from error
