"""Reads structs in Thrift's compact protocol, in which Parquet files describe themselves."""

from typing import Any

Fields = dict[int, Any]

_MAX_DEPTH = 16
_MAX_VALUES = 2**20
_LAST_FIELD = 2**15 - 1
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12


class ThriftReader:
    """Reads the numbers, lists and structs of structs in ``content``; texts are skipped.

    Raises ``IndexError`` for what is malformed, cut off, nested too deeply, or has too many values in all.
    """

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._left = _MAX_VALUES
        self.position = 0

    def read_struct(self, position: int, *, depth: int = 0) -> Fields:
        """Return the struct at a position, by the numbers of its fields; ``position`` is then behind it."""
        if depth > _MAX_DEPTH or position < 0:
            raise IndexError
        self.position = position
        fields: Fields = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            if number in fields or not 0 < number <= _LAST_FIELD:
                # Another reader could take the other one: it skips a field of a wrong type, and counts in 16 bits.
                raise IndexError
            fields[number] = None if kind in _BOOLEANS else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise IndexError
        if kind in _INTEGERS:
            return self._integer()
        if kind == _STRUCT:
            return self.read_struct(self.position, depth=depth + 1)
        if kind in _LISTS:
            return self._list(depth)
        self._skip(kind)
        return None

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size, kind = head >> 4, head & 15
        if size == 15:
            size = self._unsigned()
        # A boolean in a list is a byte.
        return [self._value(_BYTE if kind in _BOOLEANS else kind, depth + 1) for _ in range(min(size, _MAX_VALUES))]

    def _skip(self, kind: int) -> None:
        if kind == _BYTE:
            self.position += 1
        elif kind == _DOUBLE:
            self.position += 8
        elif kind == _BINARY:
            length = self._unsigned()
            self.position += length
        else:
            raise IndexError

    def _byte(self) -> int:
        byte = self._content[self.position]
        self.position += 1
        return byte

    def _integer(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)

    def _unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number
            if shift > 63:
                raise IndexError
