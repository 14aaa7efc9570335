"""The file of tokens: made and extended by the command line, and read again by the server when it has changed."""

import logging
import os
import time
from pathlib import Path

import anyio.to_thread

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.caller import Caller
from kedro_asgi.server.access.tokens import TokenTable, digest_of, parse_tokens

_log = logging.getLogger(__name__)

# How long a token that was taken out of its file may still be used.
_LOOK_SECONDS = 5.0


class TokenFile:
    """A `TokenSource` of the lines of a file; the constructor raises `ServerSettingsError`."""

    def __init__(self, path: Path, *, look_seconds: float = _LOOK_SECONDS) -> None:
        self._path = path
        self._look_seconds = look_seconds
        self._state: tuple[int, int, int] | None = _read_state(path)
        self._table = _read(path)
        self._look_at = time.monotonic() + look_seconds

    def known(self, digest: bytes) -> Caller | None:
        return None if time.monotonic() >= self._look_at else self._table.find(digest)

    async def find(self, token: str) -> Caller | None:
        if time.monotonic() >= self._look_at:
            # Before the wait, so that one request reads the file, and the others go on.
            self._look_at = time.monotonic() + self._look_seconds
            await anyio.to_thread.run_sync(self._renew)
        return self._table.find(digest_of(token))

    def _renew(self) -> None:
        if not self._path.exists():
            # No editor writes half a file that way: the owner has taken all tokens back.
            _log.error("The file of tokens '%s' is gone: no token is known any more.", self._path)
            self._table, self._state = TokenTable(), None
            return
        try:
            state = _read_state(self._path)
            if state != self._state:
                self._table, self._state = _read(self._path), state
                _log.info("The tokens in '%s' were read again: %d.", self._path, len(self._table))
        except ServerSettingsError as error:
            # A file that is half written must not lock callers out.
            _log.error("The tokens stay as they were: %s", error)


def append_line(path: Path, line: str) -> None:
    """Add a line to the file, which its owner alone may read if it is new; raises `ServerSettingsError`."""
    try:
        former = path.read_text(encoding="utf-8") if path.exists() else ""
        parse_tokens(f"{former.rstrip()}\n{line}", source=f"'{path}'")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{'' if former.endswith(chr(10)) or not former else chr(10)}{line}\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ServerSettingsError(f"The file of tokens '{path}' cannot be written: {error}") from error


def _read(path: Path) -> TokenTable:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ServerSettingsError(f"The file of tokens '{path}' cannot be read: {error}") from error
    entries = parse_tokens(text, source=f"'{path}'")
    if not entries:
        raise ServerSettingsError(f"The file of tokens '{path}' holds none; 'kedro-asgi token' makes one.")
    return TokenTable(entries)


def _read_state(path: Path) -> tuple[int, int, int]:
    """Return what changes when the file does."""
    try:
        found = path.stat()
    except OSError as error:
        raise ServerSettingsError(f"The file of tokens '{path}' cannot be read: {error}") from error
    return found.st_mtime_ns, found.st_size, found.st_ino
