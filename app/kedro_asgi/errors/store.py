"""Errors of the store of runs."""

from kedro_asgi.errors.dispatch import DispatchError


class StoreUnavailableError(DispatchError):
    """The store of runs cannot be read or written now, so the server can promise nothing."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The store of runs is not available: {reason}")


class StoreVersionError(DispatchError):
    """A newer version of kedro-asgi wrote the store."""

    def __init__(self, store: str, found: int, known: int) -> None:
        self.found, self.known = found, known
        super().__init__(
            f"The store of runs {store} has schema version {found}, and this version of kedro-asgi knows {known}. "
            "Upgrade kedro-asgi, or name another store."
        )


class StoreOutdatedError(DispatchError):
    """An earlier version of kedro-asgi wrote the store, and no server of this version has upgraded it."""

    def __init__(self, store: str, found: int, known: int) -> None:
        self.found, self.known = found, known
        super().__init__(
            f"The store of runs {store} has schema version {found}, and this version of kedro-asgi writes {known}. "
            "Start a server of this version: it upgrades the store."
        )


class BackupError(DispatchError):
    """A backup of the store cannot be made; a file that was there before is unchanged."""

    def __init__(self, target: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The backup '{target}' is not made: {reason}")


class StorePartitionError(DispatchError):
    """The tables of a store cannot be partitioned by days; they are unchanged."""

    def __init__(self, store: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The store of runs {store} cannot be partitioned: {reason}")


class StoreUrlError(DispatchError, ValueError):
    """The URL of a store cannot be used."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"The store '{url}' cannot be used: {problem}")
