"""Checks that a file can be a SQLite store, before a server opens it or a command reads it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from kedro_asgi.dispatch.stores.read_only_sqlite import open_reader
from kedro_asgi.errors import StoreUrlError

_HEADER = b"SQLite format 3\0"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def check_file(path: Path) -> None:
    """Check that there is a store at ``path``, or can be; raises `StoreUrlError`.

    Reads the first pages only, so damage further on is not found.
    """
    path = path.absolute()
    try:
        if path.is_dir():
            raise StoreUrlError(str(path), "it is a folder, not a file.")
        if blocking := next((folder for folder in path.parents if folder.exists() and not folder.is_dir()), None):
            raise StoreUrlError(str(path), f"'{blocking}' is a file, not a folder.")
        if path.exists() and not path.is_file():
            # To read a pipe may take for ever.
            raise StoreUrlError(str(path), "it is a pipe or a device, not a file.")
        if path.exists() and path.stat().st_size:
            if not is_sqlite(path):
                raise StoreUrlError(str(path), "the file is not a database of SQLite.")
            _check_damage(path)
    except OSError as error:
        raise StoreUrlError(str(path), f"it cannot be read ({error.strerror or error}).") from error


def is_sqlite(path: Path) -> bool:
    """Tell whether a file begins as a database of SQLite does."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def _check_damage(path: Path) -> None:
    """Have SQLite compare the header with the file, and read the tables' definitions."""
    try:
        with closing(open_reader(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        # A server tells of other errors, such as a locked file, when it opens the store.
        if error.sqlite_errorcode & 0xFF in _DAMAGED:
            problem = f"the file is damaged ({error}): put back a backup, or name another store."
            raise StoreUrlError(str(path), problem) from error
