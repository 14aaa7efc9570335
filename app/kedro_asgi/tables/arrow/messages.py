"""How much a stream of Arrow unpacks to, read from its messages before any of it is unpacked.

Arrow itself allocates what a compressed buffer declares, so a few bytes could ask for gigabytes. The layout of a
message is that of FlatBuffers; only the fields that hold sizes are read here.
"""

import struct
from collections.abc import Iterator

from kedro_asgi.errors import OversizedTableError, TableError

_CONTINUATION = 0xFFFFFFFF
_MAX_MESSAGES = 2**16
# The numbers of fields in the tables of Arrow's format, and those of two kinds of messages.
_VERSION, _HEADER_TYPE, _HEADER, _BODY_LENGTH, _CUSTOM_FACTS = 0, 1, 2, 3, 4
_IS_DICTIONARY, _IS_ROWS = 2, 3
_ROWS, _BUFFERS, _COMPRESSION = 0, 2, 3
_DICTIONARY_DATA = 1
_NOT_COMPRESSED = -1
_SIZE_BYTES = 8
# Messages of earlier versions, and facts of their own, may say in other ways that buffers are compressed.
_FIRST_VERSION = 4


def check_sizes(content: memoryview, *, max_bytes: int) -> None:
    """Raise `TableError` for a stream that is cut off or malformed, `OversizedTableError` for one that is too large.

    It is too large if its buffers take more than ``max_bytes`` when they are unpacked, or if it has as many rows.
    """
    left = max_bytes
    try:
        for size in _unpacked_sizes(content):
            left -= size
            if left < 0:
                raise OversizedTableError(max_bytes)
    except (struct.error, IndexError) as error:
        raise TableError("it is cut off, or is no stream of Arrow") from error


def _unpacked_sizes(content: memoryview) -> Iterator[int]:
    """Yield sizes for each batch: of its buffers, and the number of its rows."""
    position = 0
    for _ in range(_MAX_MESSAGES):
        if position == len(content):
            # A stream may end without its mark.
            return
        mark, size = struct.unpack_from("<II", content, position)
        if mark != _CONTINUATION:
            raise TableError("it is no stream of Arrow")
        if size == 0:
            return
        start = position + 8
        message = _root(content, start)
        if message.number(_VERSION, "<h") < _FIRST_VERSION or message.place(_CUSTOM_FACTS) is not None:
            raise TableError("its messages are of a version before 1.0 of Arrow, or have custom metadata")
        body = start + size
        position = body + message.number(_BODY_LENGTH, "<q")
        if not body <= position <= len(content):
            raise TableError("it is cut off")
        batch = _batch(message)
        if batch is not None:
            yield max(batch.number(_ROWS, "<q"), 0)
            yield from _sizes_of_buffers(content, body, batch)
    raise TableError(f"it has more than {_MAX_MESSAGES} batches")


class _Table:
    """A table of FlatBuffers at a position of the content."""

    def __init__(self, content: memoryview, position: int) -> None:
        self._content = content
        self._position = position
        (distance,) = struct.unpack_from("<i", content, position)
        self._fields = position - distance
        if not 0 <= self._fields < len(content):
            raise IndexError
        (self._size,) = struct.unpack_from("<H", content, self._fields)

    def place(self, field: int) -> int | None:
        """Return where a field is; ``None`` if it has its default."""
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return None
        (offset,) = struct.unpack_from("<H", self._content, self._fields + entry)
        return self._position + offset if offset else None

    def number(self, field: int, form: str) -> int:
        """Return a number, which is 0 by default."""
        place = self.place(field)
        return 0 if place is None else int(struct.unpack_from(form, self._content, place)[0])

    def target(self, field: int) -> int | None:
        """Return where a field leads to."""
        place = self.place(field)
        return None if place is None else place + int(struct.unpack_from("<I", self._content, place)[0])

    def table(self, field: int) -> "_Table | None":
        """Return the table that a field leads to."""
        target = self.target(field)
        return None if target is None else _Table(self._content, target)


def _root(content: memoryview, start: int) -> _Table:
    return _Table(content, start + int(struct.unpack_from("<I", content, start)[0]))


def _batch(message: _Table) -> _Table | None:
    """Return the batch of rows or of a dictionary in a message; ``None`` for a message without one."""
    kind = message.number(_HEADER_TYPE, "<B")
    header = message.table(_HEADER) if kind in (_IS_DICTIONARY, _IS_ROWS) else None
    return header.table(_DICTIONARY_DATA) if header is not None and kind == _IS_DICTIONARY else header


def _sizes_of_buffers(content: memoryview, body: int, batch: _Table) -> Iterator[int]:
    target = batch.target(_BUFFERS)
    if target is None:
        return
    is_compressed = batch.place(_COMPRESSION) is not None
    (count,) = struct.unpack_from("<I", content, target)
    if target + 4 + 16 * count > len(content):
        raise IndexError
    for offset, length in struct.iter_unpack("<qq", content[target + 4 : target + 4 + 16 * count]):
        if offset < 0 or length < 0 or body + offset + length > len(content):
            raise IndexError
        yield _unpacked(content, body + offset, length) if is_compressed and length else length


def _unpacked(content: memoryview, position: int, length: int) -> int:
    (declared,) = struct.unpack_from("<q", content, position)
    return length - _SIZE_BYTES if declared == _NOT_COMPRESSED else max(int(declared), 0)
