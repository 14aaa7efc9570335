"""Connections to a database that wait to be used again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What a pool needs of a connection."""

    def close(self) -> object:
        """End it."""


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """Lends connections to threads, as many as are asked for; once closed it keeps none of them until `open`."""

    def __init__(self, connect: Callable[[], C], *, is_broken: Callable[[BaseException], bool]) -> None:
        self._connect = connect
        self._is_broken = is_broken
        self._idle: list[C] = []
        self._is_open = False

    def open(self) -> None:
        """Keep the connections that come back."""
        self._is_open = True

    def close(self) -> None:
        """End all connections: those that are lent, as they come back."""
        self._is_open = False
        self.empty()

    def empty(self) -> None:
        """End the connections that are not lent."""
        with suppress(IndexError):
            # Other threads take from it, too.
            while True:
                self._idle.pop().close()

    @contextmanager
    def lent(self) -> Iterator[C]:
        """Lend a connection, made if there is none; it comes back unless an error broke it."""
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
                self._take_back(connection)
            raise
        self._take_back(connection)

    def _take_back(self, connection: C) -> None:
        self._idle.append(connection)
        if not self._is_open:
            # Looked at last: whoever closes the pool meanwhile may have emptied it before.
            self.empty()
