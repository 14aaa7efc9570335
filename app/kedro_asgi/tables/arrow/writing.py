"""Tables as bytes: streams of Arrow, Parquet files, and CSV."""

from collections.abc import Callable
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.arrow.library import csv, parquet, pyarrow

# A group of rows is in memory until it is written.
_GROUP_ROWS = 2**17


def write_stream(table: Any) -> Any:
    """Return ``table`` as a stream of Arrow, in a buffer of ``pyarrow``, which is pickled without a copy.

    Its size is measured first: a buffer that grows takes twice the memory.
    """
    measured = pyarrow.MockOutputStream()
    _write_batches(table, measured)
    content = pyarrow.allocate_buffer(measured.size())
    _write_batches(table, pyarrow.FixedSizeBufferWriter(content))
    return content


def _write_batches(table: Any, sink: Any) -> None:
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def write_parquet(table: Any) -> Any:
    """Return ``table`` as a Parquet file; raises `TableError` for types that have no form there."""

    def write(sink: Any) -> None:
        # A dictionary of numbers, which seldom repeat, is made in vain.
        texts = [field.name for field in table.schema if not pyarrow.types.is_primitive(field.type)]
        parquet().write_table(table, sink, row_group_size=_GROUP_ROWS, use_dictionary=texts)

    return _written(write, "Parquet")


def write_csv(table: Any) -> Any:
    """Return ``table`` as CSV with a line of names; raises `TableError` for types that have no form there."""

    def write(sink: Any) -> None:
        csv().write_csv(_without_dictionaries(table), sink)

    return _written(write, "CSV")


def _written(write: Callable[[Any], None], form: str) -> Any:
    sink = pyarrow.BufferOutputStream()
    try:
        write(sink)
    except (pyarrow.ArrowException, ValueError, TypeError) as error:
        raise TableError(f"it has no form in {form}: {error}") from error
    return sink.getvalue()


def _without_dictionaries(table: Any) -> Any:
    for number, field in enumerate(table.schema):
        if pyarrow.types.is_dictionary(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(field.type.value_type))
    return table
