"""Stores of runs: SQLite, in a file or in memory, and PostgreSQL."""

from pathlib import Path

from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import StoreUrlError
from kedro_asgi.redaction import redact

MEMORY = "memory:"


def open_store(url: str | Path) -> Store:
    """Return the store at ``url``: ``memory:``, a path, ``sqlite:///path`` or ``postgresql://…``; does not open it.

    Raises `StoreUrlError`.
    """
    text = str(url)
    scheme, separator, rest = text.partition("://")
    if text == MEMORY:
        return SQLiteStore(None)
    if not separator:
        return SQLiteStore(Path(text))
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SQLiteStore(Path(rest[1:]))
    if scheme in ("postgresql", "postgres"):
        return _postgres(text)
    raise StoreUrlError(redact(text), "it is neither 'memory:', a path, 'sqlite:///path' nor 'postgresql://…'.")


def _postgres(url: str) -> Store:
    try:
        # The driver is an optional dependency.
        from kedro_asgi.dispatch.stores.postgres import PostgresStore
    except ImportError as error:
        raise StoreUrlError(redact(url), f"install 'kedro-asgi[postgres]' ({error}).") from error
    return PostgresStore(url)


__all__ = ["MEMORY", "Store", "open_store"]
