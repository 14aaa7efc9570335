"""Tables as the bodies of requests and answers."""

from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def arrow_bytes(table: Any, *, compression: str | None = None) -> bytes:
    """Return a table as a stream of Arrow."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def parquet_bytes(table: Any, **options: Any) -> bytes:
    """Return a table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def rows_in(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the rows of an answer that is a table."""
    assert answer.status_code == 200, answer.text
    buffer = pa.py_buffer(answer.content)
    match answer.headers["content-type"]:
        case kind if kind == ARROW:
            return pa.ipc.open_stream(buffer).read_all().to_pylist()
        case kind if kind == PARQUET:
            return pyarrow.parquet.read_table(pa.BufferReader(buffer)).to_pylist()
        case kind:
            raise AssertionError(f"the answer is {kind}: {answer.text}")
