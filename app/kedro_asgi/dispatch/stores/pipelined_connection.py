"""A connection to PostgreSQL whose statements need not wait for the results of those before them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from kedro_asgi.dispatch.stores.connection import SqlStatement

# A connection keeps buffers that are twice as large as the largest statement and the largest row that it has carried.
_LARGE_BYTES = 2**20


class PipelinedConnection:
    """A connection that takes SQLite's question marks as placeholders; `executemany` sends all rows as one batch."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.has_large_buffers = False
        self.close = connection.close
        self.pgconn = connection.pgconn
        self.fileno = connection.fileno
        self.commit = connection.commit
        self.rollback = connection.rollback

    @contextmanager
    def pipelined(self) -> Iterator[None]:
        """Send the statements of the block without waiting for their results, until the caller asks for one."""
        failure: Exception | None = None
        try:
            with self._connection.pipeline():
                try:
                    yield
                except Exception as error:
                    # psycopg would log that it ignores the end of a pipeline that this error has aborted.
                    failure = error
        except psycopg.Error:
            if failure is None:
                raise
        if failure is not None:
            raise failure

    def execute(self, sql: str, values: Sequence[Any] = ()) -> "PipelinedCursor":
        # Without values, both marks may be a part of the statement, as in the body of a function.
        given = (sql.replace("?", "%s"), tuple(values)) if values else (sql,)
        self.note_size(_sent_size(values))
        return PipelinedCursor(self, self._connection.execute(*given))

    def note_size(self, size: int) -> None:
        """Note the size of a statement or of a row."""
        if size > _LARGE_BYTES:
            self.has_large_buffers = True

    def count_changed(self, statements: Sequence[SqlStatement]) -> list[int]:
        """Execute statements in one round trip; return how many rows each has changed."""
        cursors = [self.execute(sql, values) for sql, values in statements]
        return [cursor.rowcount for cursor in cursors]

    def executemany(self, sql: str, rows: Sequence[Any]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), rows)


class PipelinedCursor:
    """The result of a statement, which comes when the caller asks for it."""

    def __init__(self, connection: PipelinedConnection, cursor: Any) -> None:
        self._connection = connection
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        if self._cursor.pgresult is None:
            self._wait()
        return int(self._cursor.rowcount)

    def _wait(self) -> None:
        """Wait for the result of a statement without rows: only a request for rows waits."""
        try:
            self._cursor.fetchone()
        except psycopg.ProgrammingError:
            if self._cursor.pgresult is None:
                raise

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        if row is not None:
            self._connection.note_size(_received_size(row))
        return row

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._cursor.fetchall()
        # Any row may be the large one, such as the order of one of several claimed runs.
        self._connection.note_size(max(map(_received_size, rows), default=0))
        return rows


def _sent_size(values: Sequence[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, (bytes, str)))


def _received_size(row: Sequence[Any]) -> int:
    # PostgreSQL sends each byte as two hexadecimal digits.
    return sum(len(value) * (2 if isinstance(value, bytes) else 1) for value in row if isinstance(value, (bytes, str)))
