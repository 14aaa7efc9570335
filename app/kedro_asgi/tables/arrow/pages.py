"""How much the pages of a Parquet file unpack to, read from their headers before any of them is unpacked.

The reader allocates what the header of a page declares, whatever the end of the file says about it. The library may
crash the process when it describes the columns of a damaged file.
"""

from collections.abc import Iterator, Sequence

from kedro_asgi.errors import OversizedTableError, TableError
from kedro_asgi.tables.arrow.thrift import Fields, ThriftReader

_MAGIC = b"PAR1"
_TAIL_BYTES = 8
_MAX_PAGES = 2**16
# Some versions of the library end the process where a schema is nested very deeply.
_MAX_DEPTH = 64
# The size of a value in a column of numbers; runs of one value take next to nothing in the file.
_VALUE_BYTES = 8
# The numbers of fields: of the file, a group of rows, a column in it, and what is told of that.
_SCHEMA, _CHILDREN, _ROWS, _GROUPS, _COLUMNS, _CHUNK = 2, 5, 3, 4, 1, 3
_CHUNK_BYTES, _FIRST_PAGE, _FIRST_DICTIONARY = 7, 9, 11
# Those in the header of a page; the structs for each kind of page begin with the number of values.
_UNPACKED, _PACKED, _STRUCTS, _VALUES = 2, 3, (5, 7, 8), 1


def check_pages(content: memoryview, *, max_bytes: int) -> int:
    """Return how many rows a Parquet file says it has.

    Raises `OversizedTableError` if its pages take more than ``max_bytes``, and `TableError` for a malformed file.
    """
    left = max_bytes
    try:
        file = _description(content)
        _check_depth(file[_SCHEMA])
        rows: int = file[_ROWS]
        # A file without rows need not have pages where it says so.
        for packed, unpacked, values in _pages(content, file) if rows else ():
            left -= max(unpacked, packed, _VALUE_BYTES * values)
            if left < 0:
                raise OversizedTableError(max_bytes)
    except (IndexError, TypeError, KeyError, AttributeError) as error:
        raise TableError("it is cut off, or is no Parquet file") from error
    if not 0 <= rows <= max_bytes:
        raise OversizedTableError(max_bytes)
    return rows


def _description(content: memoryview) -> Fields:
    """Return what the end of a file tells of it."""
    if len(content) < _TAIL_BYTES or bytes(content[-4:]) != _MAGIC:
        raise TableError("it is no Parquet file, or is cut off")
    size = int.from_bytes(content[-_TAIL_BYTES:-4], "little")
    return ThriftReader(content).read_struct(len(content) - _TAIL_BYTES - size)


def _check_depth(schema: Sequence[Fields]) -> None:
    """Raise `TableError` for a schema, each element of which stands before its children, that is nested too deeply."""
    left: list[int] = []
    for element in schema:
        while left and not left[-1]:
            left.pop()
        if left:
            left[-1] -= 1
        if children := element.get(_CHILDREN, 0):
            left.append(children)
        if len(left) > _MAX_DEPTH:
            raise TableError("its columns are nested too deeply")


def _pages(content: memoryview, file: Fields) -> Iterator[tuple[int, int, int]]:
    """Yield of each page its size, its unpacked size, and the number of its values."""
    reader = ThriftReader(content)
    count = 0
    for start, end in _chunks(file):
        position = start
        while position < end:
            fields = reader.read_struct(position)
            packed, unpacked = fields[_PACKED], fields[_UNPACKED]
            values = max((fields[kind].get(_VALUES, 0) for kind in _STRUCTS if kind in fields), default=0)
            if min(packed, unpacked, values) < 0:
                raise IndexError
            yield packed, unpacked, values
            position = reader.position + packed
            count += 1
            if count > _MAX_PAGES:
                raise TableError(f"it has more than {_MAX_PAGES} pages")


def _chunks(file: Fields) -> Iterator[tuple[int, int]]:
    """Yield where the pages of each column of each group of rows begin and end."""
    for group in file[_GROUPS]:
        for column in group[_COLUMNS]:
            chunk = column[_CHUNK]
            start, dictionary = chunk[_FIRST_PAGE], chunk.get(_FIRST_DICTIONARY, 0)
            if 0 < dictionary < start:
                start = dictionary
            yield start, start + chunk[_CHUNK_BYTES]
