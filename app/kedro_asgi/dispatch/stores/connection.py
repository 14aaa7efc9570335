"""The connection to a database, as statements use it."""

from collections.abc import Sequence
from typing import Any, Protocol

SqlStatement = tuple[str, tuple[Any, ...]]
"""A statement with its values."""


class SqlCursor(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class SqlConnection(Protocol):
    """A connection to a database that takes question marks as placeholders."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> SqlCursor: ...
    def executemany(self, sql: str, rows: Sequence[Any], /) -> object: ...
