"""A pool of database connections."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """The part of a connection that a pool needs."""

    def close(self) -> object:
        """Close the connection."""


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """Lends connections to threads and connects as often as needed; a closed pool keeps no connection."""

    def __init__(
        self,
        connect: Callable[[], C],
        *,
        is_broken: Callable[[BaseException], bool],
        is_kept: Callable[[C], bool] = lambda connection: True,
    ) -> None:
        self._connect = connect
        self._is_broken = is_broken
        self._is_kept = is_kept
        self._idle: list[C] = []
        self._is_open = False

    def open(self) -> None:
        """Keep the connections that threads give back."""
        self._is_open = True

    def close(self) -> None:
        """Close the idle connections now, and each lent one when its thread gives it back."""
        self._is_open = False
        self.close_idle()

    def close_idle(self) -> None:
        """Close the connections that no thread has."""
        with suppress(IndexError):
            # Other threads pop connections too, so the list may be empty at any step.
            while True:
                self._idle.pop().close()

    @contextmanager
    def connection(self) -> Iterator[C]:
        """Lend an idle or new connection for a block; keep it afterwards unless an error broke it.

        The pool also closes a connection for which ``is_kept`` returns false then.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException as error:
            if self._is_broken(error):
                connection.close()
            else:
                self._put_back(connection)
            raise
        self._put_back(connection)

    def _put_back(self, connection: C) -> None:
        if not self._is_kept(connection):
            connection.close()
            return
        self._idle.append(connection)
        if not self._is_open:
            # Check after the append: the thread that closes the pool may have emptied the list just before.
            self.close_idle()
