"""Frames of other libraries from tables of Arrow, which share their columns where the types allow it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.arrow.conversion import KIND, VALUES
from kedro_asgi.tables.arrow.library import compute, pyarrow
from kedro_asgi.tables.frames.pandas import typed_column, with_index
from kedro_asgi.tables.table_form import LARGEST_EXACT, Library, TableForm


def arrow_frame(table: Any, form: TableForm) -> Any:
    """Return ``table`` as the frame that ``form`` describes; raises `TableError`.

    Columns whose type the form declares are converted to it. Others keep their type, and most their memory.
    """
    if form.is_sheets:
        raise TableError("it is one table; expected is a mapping of sheets, which JSON can hold")
    match form.library:
        case "pandas":
            return _converted(lambda: _pandas_frame(import_module("pandas"), table, form))
        case "polars":
            return _converted(lambda: _polars_frame(import_module("polars"), table, form))
        case "polars.lazy":
            return _converted(lambda: _polars_frame(import_module("polars"), table, form).lazy())
    return _converted(lambda: _typed_table(table, form))


def frame_or_column(table: Any, library: Library) -> Any:
    """Return a table that `table_of` has made as a frame of ``library``, or as a column if it was one."""
    if (table.schema.metadata or {}).get(KIND) != VALUES:
        return arrow_frame(table, TableForm(library=library))
    column = table.column(0)
    if library == "pandas":
        return column.to_pandas()
    return import_module("polars").from_arrow(column) if library == "polars" else column


def _converted(convert: Callable[[], Any]) -> Any:
    try:
        return convert()
    except TableError:
        raise
    except BaseException as error:  # metadata of a caller may lead a library to any of its errors
        # The crash of a library in Rust is no `Exception`, and ends nothing but the call.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise TableError(str(error)) from error
        raise


# --- pandas ---


def _pandas_frame(pandas: Any, table: Any, form: TableForm) -> Any:
    frame = _with_signed_indices(table).to_pandas(split_blocks=True)
    for name in table.schema.names:
        column = table.column(name)
        if name in frame.columns and _needs_exact_integers(column):
            frame[name] = column.to_pandas(types_mapper={column.type: _nullable(pandas, column.type)}.get)
        if name in frame.columns and (form.dtype_of(name) is not None or name in form.parse_dates):
            frame[name] = _typed(pandas, name, frame[name], form)
    return with_index(frame, form)


def _with_signed_indices(table: Any) -> Any:
    """Return a table whose dictionaries are indexed as pandas does."""
    types = pyarrow.types
    for number, field in enumerate(table.schema):
        if types.is_dictionary(field.type) and types.is_unsigned_integer(field.type.index_type):
            kind = pyarrow.dictionary(pyarrow.int64(), field.type.value_type, field.type.ordered)
            table = table.set_column(number, field.with_type(kind), table.column(number).cast(kind))
    return table


def _needs_exact_integers(column: Any) -> bool:
    """Whether a column of integers has missing values, and one that a float would change."""
    if not pyarrow.types.is_integer(column.type) or column.null_count in (0, len(column)):
        return False
    bounds = compute.min_max(column).as_py()
    return bool(max(abs(bounds["min"]), abs(bounds["max"])) > LARGEST_EXACT)


def _nullable(pandas: Any, kind: Any) -> Any:
    name = str(kind)
    return getattr(pandas, f"{'UInt' if name.startswith('u') else 'Int'}{kind.bit_width}Dtype")()


def _typed(pandas: Any, name: str, column: Any, form: TableForm) -> Any:
    if column.dtype.kind == "M":
        # It is a column of dates already, whatever declares it as one.
        return column if name in form.parse_dates else column.astype(form.dtype_of(name))
    if column.dtype == form.dtype_of(name):
        return column
    values = column.astype(object).where(column.notna(), None)
    return typed_column(pandas, name, [_text_of_date(value) for value in values], form)


def _text_of_date(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


# --- polars and pyarrow ---


def _polars_frame(polars: Any, table: Any, form: TableForm) -> Any:
    frame = polars.from_arrow(table)
    for name in frame.columns:
        dtype = form.dtype_of(name)
        if dtype is not None:
            frame = frame.with_columns(frame[name].cast(getattr(polars, dtype) if isinstance(dtype, str) else dtype))
        if name in form.parse_dates and frame[name].dtype == polars.String:
            frame = frame.with_columns(frame[name].str.to_datetime(form.date_format_of(name)))
    return frame


def _typed_table(table: Any, form: TableForm) -> Any:
    for number, name in enumerate(table.schema.names):
        dtype = form.dtype_of(name)
        if dtype is not None:
            wanted = pyarrow.type_for_alias(dtype) if isinstance(dtype, str) else dtype
            table = table.set_column(number, name, table.column(number).cast(wanted))
    return table
