"""Connections to a SQLite file that cannot write, so a store on a read-only disk can be read."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from kedro_asgi.errors import StoreUnavailableError

_BUSY_SECONDS = 10.0


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that cannot write; raises `StoreUnavailableError` for errors of the database."""
    try:
        with closing(open_reader(path)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise StoreUnavailableError(f"{path}: {error}") from error


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    if not os.access(path.parent, os.W_OK) and not any(log.exists() for log in logs_of(path)):
        # SQLite would make its files beside the store. Where they are missing, no server has it open.
        address += "&immutable=1"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    # Text that is damaged must not keep other rows from being read.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


def logs_of(path: Path) -> tuple[Path, Path]:
    """Return the files that SQLite has beside an open store."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
