"""Tables from the bytes of callers: what is read, and what is refused before it costs anything."""

import io
import random

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from columns import arrow_bytes, parquet_bytes
from kedro_asgi.errors import OversizedTableError, TableError
from kedro_asgi.tables import TableForm
from kedro_asgi.tables.arrow import read_parquet, read_stream
from kedro_asgi.tables.arrow.frames import arrow_frame
from kedro_asgi.tables.arrow.thrift import ThriftReader

_MAX_BYTES = 1_000_000
_ROWS = pa.table({"n": [1, 2], "s": ["a", None]})


def _views(text: str, count: int) -> pa.Array:
    """So many views of one text."""
    one = pa.array([text], pa.string_view())
    views = pa.py_buffer(one.buffers()[1].to_pybytes() * count)
    return pa.Array.from_buffers(pa.string_view(), count, [None, views, *one.buffers()[2:]])


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_a_stream_of_arrow_is_read(compression: str | None) -> None:
    content = bytearray(arrow_bytes(_ROWS, compression=compression))
    assert read_stream(content, max_bytes=_MAX_BYTES).to_pylist() == _ROWS.to_pylist()


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "brotli"])
def test_a_parquet_file_is_read(compression: str) -> None:
    content = parquet_bytes(_ROWS, compression=compression)
    assert read_parquet(content, max_bytes=_MAX_BYTES).to_pylist() == _ROWS.to_pylist()


def test_plain_columns_stay_where_they_are() -> None:
    content = bytearray(arrow_bytes(pa.table({"n": list(range(1000))})))
    start = pa.py_buffer(content).address
    column = read_stream(content, max_bytes=_MAX_BYTES).column("n").chunk(0)
    assert start < column.buffers()[1].address < start + len(content)


def test_a_table_at_any_place_of_a_body_is_read() -> None:
    content = memoryview(bytearray(b"xyz" + arrow_bytes(_ROWS)))[3:]
    assert read_stream(content, max_bytes=_MAX_BYTES).to_pylist() == _ROWS.to_pylist()


def test_a_table_may_have_no_rows() -> None:
    for content, read in (
        (arrow_bytes(_ROWS.slice(0, 0)), read_stream),
        (parquet_bytes(_ROWS.slice(0, 0)), read_parquet),
    ):
        table = read(content, max_bytes=_MAX_BYTES)
        assert (table.num_rows, table.schema.names) == (0, ["n", "s"])


def test_what_polars_writes_is_read() -> None:
    frame = pl.DataFrame(
        {"c": pl.Series(["u", "v"], dtype=pl.Categorical), "s": ["a", "long enough for a view"], "l": [["x"], []]}
    )
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compression="zstd")
    table = read_stream(sink.getvalue(), max_bytes=_MAX_BYTES)
    assert table.to_pylist() == frame.to_dicts()
    assert arrow_frame(table, TableForm(library="pandas"))["c"].tolist() == ["u", "v"]


def test_columns_may_have_any_names() -> None:
    names = ["", "\x00", "é\u202e", "a b\n", "💥"]
    table = pa.Table.from_arrays([pa.array([1])] * len(names), names=names)
    assert read_stream(arrow_bytes(table), max_bytes=_MAX_BYTES).schema.names == names


@pytest.mark.parametrize(
    "column",
    [
        pa.nulls(2**31 - 1),
        pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, dtype="int8")), pa.array(["z" * 10_000])),
        _views("z" * 10_000, 1000),
        pa.FixedSizeListArray.from_arrays(pa.nulls(2**24), 2**20),
        pa.nulls(200_000),
        pa.StructArray.from_arrays([pa.nulls(20_000)], ["a"]),
        pa.FixedSizeListArray.from_arrays(pa.nulls(20_000), 1),
        pa.array(np.zeros(50_000, dtype="int32")).cast(pa.date32()),
    ],
    ids=["rows", "dictionary", "views", "lists", "nulls", "structs", "short lists", "dates"],
)
def test_a_column_that_repeats_little_in_many_rows_is_too_large(column: pa.Array) -> None:
    with pytest.raises(OversizedTableError, match="more than 1000000 bytes when it is unpacked"):
        read_stream(arrow_bytes(pa.table({"c": column})), max_bytes=_MAX_BYTES)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_stream_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(compression: str) -> None:
    content = arrow_bytes(pa.table({"n": np.zeros(1_000_000)}), compression=compression)
    before = pa.total_allocated_bytes()
    with pytest.raises(OversizedTableError):
        read_stream(content, max_bytes=_MAX_BYTES)
    assert pa.total_allocated_bytes() - before < _MAX_BYTES


def test_messages_that_may_hide_how_they_are_compressed_are_refused() -> None:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4)
    with pa.ipc.new_stream(sink, _ROWS.schema, options=options) as writer:
        writer.write_table(_ROWS)
    with pytest.raises(TableError, match="version before 1.0"):
        read_stream(sink.getvalue(), max_bytes=_MAX_BYTES)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _ROWS.schema) as writer:
        writer.write_batch(_ROWS.to_batches()[0], custom_metadata={"ARROW:experimental_compression": "zstd"})
    with pytest.raises(TableError, match="custom metadata"):
        read_stream(sink.getvalue(), max_bytes=_MAX_BYTES)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"n": np.zeros(1_000_000)}),
        pa.table({"s": pa.array(["y" * 1000] * 20_000)}),
        pa.table({"l": [[0] * 1000] * 200}),
    ],
    ids=["numbers", "texts", "lists"],
)
@pytest.mark.parametrize("uses_dictionary", [True, False])
def test_a_parquet_file_that_unpacks_to_too_much_is_refused(table: pa.Table, uses_dictionary: bool) -> None:
    content = parquet_bytes(table, compression="zstd", use_dictionary=uses_dictionary)
    assert len(content) < _MAX_BYTES / 10
    with pytest.raises(OversizedTableError):
        read_parquet(content, max_bytes=_MAX_BYTES)


@pytest.mark.parametrize(
    "content",
    [
        bytes([0x15, 2, 0x04, 0x02, 2, 0]),  # field 1 again, as a number of another size
        bytes([0x15, 2, 0x05, *b"\x82\x80\x08", 2, 0]),  # field 65537, which is 1 in 16 bits
        bytes([0x1C] * 20),  # structs in structs
        bytes([0x19, 0xF5, *b"\xff\xff\xff\x0f"]),  # a list that is longer than the file
        bytes([0x15]),  # cut off
    ],
)
def test_a_description_that_readers_could_take_differently_is_refused(content: bytes) -> None:
    with pytest.raises(IndexError):
        ThriftReader(memoryview(content)).read_struct(0)


def test_columns_may_be_nested_but_not_without_end() -> None:
    def nested(depth: int) -> pa.Table:
        column = pa.array([1])
        for _ in range(depth):
            column = pa.StructArray.from_arrays([column], ["a"])
        return pa.table({"c": column})

    assert read_parquet(parquet_bytes(nested(20)), max_bytes=_MAX_BYTES).num_rows == 1
    with pytest.raises(TableError, match="nested too deeply"):
        read_parquet(parquet_bytes(nested(70)), max_bytes=_MAX_BYTES)


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    for content, read in ((arrow_bytes(table), read_stream), (parquet_bytes(table), read_parquet)):
        with pytest.raises(TableError, match="columns share a name: 'a'"):
            read(content, max_bytes=_MAX_BYTES)


def test_a_type_that_no_frame_has_is_refused_by_the_name_of_its_column() -> None:
    column = pa.RunEndEncodedArray.from_arrays([2], [1])
    with pytest.raises(TableError, match="column 'r' is of type run_end_encoded"):
        read_stream(arrow_bytes(pa.table({"r": column})), max_bytes=_MAX_BYTES)


@pytest.mark.parametrize("content", [b"", b'[{"a": 1}]', b"ARROW1\0\0" + bytes(50), b"\xff\xff\xff\xff", b"PAR1"])
def test_bytes_of_another_kind_are_refused(content: bytes) -> None:
    for read in (read_stream, read_parquet):
        with pytest.raises(TableError):
            read(content, max_bytes=_MAX_BYTES)


def test_a_table_that_is_cut_off_is_refused() -> None:
    for content, read in ((arrow_bytes(_ROWS), read_stream), (parquet_bytes(_ROWS), read_parquet)):
        # The mark at the end of a stream may be missing.
        for size in range(0, len(content) - 8, 5):
            with pytest.raises(TableError):
                read(content[:size], max_bytes=_MAX_BYTES)


def test_damaged_tables_are_read_or_refused() -> None:
    """A damaged table ends neither the process nor a thread: each library raises the one error."""
    chance = random.Random(7)
    table = pa.table({"n": list(range(50)), "s": ["abc"] * 50, "l": [[1, 2]] * 50})
    contents = [(arrow_bytes(table, compression=kind), read_stream) for kind in (None, "zstd", "lz4")]
    contents += [(parquet_bytes(table, compression=kind), read_parquet) for kind in ("snappy", "zstd")]
    for _ in range(150):
        content, read = chance.choice(contents)
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            found = read(damaged, max_bytes=_MAX_BYTES)
            for library in ("pandas", "polars"):
                arrow_frame(found, TableForm(library=library))
        except TableError:
            continue
