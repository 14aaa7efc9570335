"""Stores of runs: SQLite, in a file or in memory, and PostgreSQL."""

from pathlib import Path

from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import StoreUrlError
from kedro_asgi.redaction import redact

MEMORY = "memory:"
_PROJECT_FILE = Path(".kedro-asgi") / "runs.db"


def open_store(url: str | Path) -> Store:
    """Return the store at ``url``: ``memory:``, a path, ``sqlite:///path`` or ``postgresql://…``; does not open it.

    Raises `StoreUrlError`.
    """
    text = str(url)
    if text == MEMORY:
        return SQLiteStore(None)
    if (path := file_of(text)) is not None:
        return SQLiteStore(path)
    if text.startswith(("postgresql://", "postgres://")):
        return _postgres(text)
    raise StoreUrlError(redact(text), "it is neither 'memory:', a path, 'sqlite:///path' nor 'postgresql://…'.")


def check_store(url: str | Path) -> None:
    """Check that there can be a store at ``url``, without opening it; raises `StoreUrlError`."""
    open_store(url)
    path = file_of(str(url)) if str(url) != MEMORY else None
    if path is None:
        return
    # Commands check a store; a server that has been checked opens it.
    from kedro_asgi.dispatch.stores.file_check import check_file

    check_file(path)


def project_store(project_path: Path) -> str:
    """Return the store of a project for which no other is named."""
    return str(project_path / _PROJECT_FILE)


def file_of(url: str) -> Path | None:
    """Return the file of a SQLite store, ``None`` for another URL."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    return Path(rest[1:]) if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1 else None


def _postgres(url: str) -> Store:
    try:
        # The driver is an optional dependency.
        from kedro_asgi.dispatch.stores.postgres import PostgresStore
    except ImportError as error:
        raise StoreUrlError(redact(url), f"install 'kedro-asgi[postgres]' ({error}).") from error
    return PostgresStore(url)


__all__ = ["MEMORY", "Store", "check_store", "file_of", "open_store", "project_store"]
