"""Transactions of a database, which all parts of a store in SQL share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager

from kedro_asgi.dispatch.stores.base import RunWrite
from kedro_asgi.dispatch.stores.connection import SqlConnection


class SqlTransactions(ABC):
    """The base of each part of a store in SQL: lends connections, and wakes other workers where the database can."""

    @abstractmethod
    def transaction(self, *, writes: bool) -> AbstractContextManager[SqlConnection]:
        """Lend a connection within a transaction; raise `StoreUnavailableError` for errors of the database."""

    @abstractmethod
    def _wake_others(self, connection: SqlConnection, *topics: str) -> None:
        """Wake other workers when this transaction is committed; ``cancels:worker`` is for one worker."""

    @abstractmethod
    def _wake_after(self, connection: SqlConnection, writes: Sequence[RunWrite]) -> None:
        """Wake other workers when these writes are committed."""
