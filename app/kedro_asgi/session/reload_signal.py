"""Tell other processes that serve the same project to read again what all runs share."""

import os
from pathlib import Path

from kedro_asgi.atomic_file import write_atomically

#: Names the file; ``kedro-asgi serve --workers`` sets it, and so may any other process manager.
RELOAD_SIGNAL_VARIABLE = "KEDRO_SERVER_RELOAD_SIGNAL"

Stamp = tuple[int, int]


class ReloadSignal:
    """A file that a process writes after it replaced artifacts or configuration; a look costs one ``stat``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()

    def pending(self) -> Stamp | None:
        """Return what `acknowledge` takes if a process sent the signal since, else ``None``."""
        stamp = self._stamp()
        return stamp if stamp != self._seen else None

    def acknowledge(self, stamp: Stamp) -> None:
        """Note that this process has read everything up to ``stamp``."""
        self._seen = stamp

    def send(self) -> None:
        """Signal all processes, this one too: another one may have sent something at the same moment."""
        write_atomically(self._path, os.urandom(8).hex().encode())

    def _stamp(self) -> Stamp:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        return found.st_mtime_ns, found.st_ino
