"""Tables from the bytes of callers, which may be anything: within bounds, and checked as a whole."""

from collections.abc import Callable, Iterator
from typing import Any

from kedro_asgi.errors import OversizedTableError, TableError
from kedro_asgi.tables.arrow.checks import checked_table, plain_bytes
from kedro_asgi.tables.arrow.library import parquet, pyarrow
from kedro_asgi.tables.arrow.messages import check_sizes
from kedro_asgi.tables.arrow.pages import check_pages

Buffer = bytes | bytearray | memoryview

# Vectors of numbers begin at multiples of this, so that libraries can use them where they are.
_ALIGNMENT_BYTES = 8


def read_stream(content: Buffer, *, max_bytes: int) -> Any:
    """Return the table of a stream of Arrow, whose columns are where ``content`` is, unless they are compressed.

    Raises `TableError`, and `OversizedTableError` for what takes more than ``max_bytes`` when it is unpacked.
    """

    def read() -> Any:
        check_sizes(memoryview(content).cast("B"), max_bytes=max_bytes)
        return checked_table(stored_table(content), max_bytes=max_bytes)

    return _reading(read, "a stream of Arrow")


def read_parquet(content: Buffer, *, max_bytes: int) -> Any:
    """Return the table of a Parquet file; raises what `read_stream` raises."""

    def read() -> Any:
        return checked_table(_unpacked_parquet(content, max_bytes), max_bytes=max_bytes)

    return _reading(read, "a Parquet file")


def stored_table(content: Buffer) -> Any:
    """Return the table of a stream that can be trusted, such as one that `write_stream` has written."""
    buffer = pyarrow.py_buffer(content)
    if buffer.address % _ALIGNMENT_BYTES:
        buffer = pyarrow.py_buffer(bytes(content))
    return pyarrow.ipc.open_stream(buffer).read_all()


def _reading(read: Callable[[], Any], what: str) -> Any:
    try:
        return read()
    except TableError:
        raise
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError, RecursionError, OSError, EOFError) as error:
        raise TableError(f"it cannot be read as {what}: {error}") from error


def _unpacked_parquet(content: Buffer, max_bytes: int) -> Any:
    """Return the table of a Parquet file, which is refused before it takes more than ``max_bytes``."""
    rows = check_pages(memoryview(content).cast("B"), max_bytes=max_bytes)
    source = pyarrow.BufferReader(content)
    file = parquet().ParquetFile(source, pre_buffer=False)
    schema = file.schema_arrow
    if not rows:
        return schema.empty_table()
    # A dictionary in the file would repeat one text in each row; read as a dictionary, it is there once.
    texts = [path for path, kind in _leaves(file) if kind == "BYTE_ARRAY"]
    packed = parquet().ParquetFile(source, pre_buffer=False, read_dictionary=texts)
    return pyarrow.concat_tables(list(_plain_batches(packed, schema, rows, max_bytes)))


def _leaves(file: Any) -> Iterator[tuple[str, str]]:
    columns = (file.schema.column(number) for number in range(len(file.schema)))
    yield from ((column.path, column.physical_type) for column in columns)


def _plain_batches(file: Any, schema: Any, rows: int, max_bytes: int) -> Iterator[Any]:
    left = max_bytes
    # As one batch, columns are in one piece, which frames can use where it is.
    for batch in file.iter_batches(rows):
        left -= sum(map(plain_bytes, batch.columns))
        if left < 0:
            raise OversizedTableError(max_bytes)
        yield pyarrow.Table.from_batches([batch]).cast(schema)
