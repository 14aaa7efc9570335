"""How processes that serve one project hear that another one has replaced what they share."""

import os
from pathlib import Path

from kedro_asgi.atomic_file import write_atomically

#: Names the file; ``kedro-asgi serve --workers`` sets it, and so may whoever starts the processes.
RELOAD_SIGNAL_VARIABLE = "KEDRO_SERVER_PRELOAD_STAMP"


class ReloadSignal:
    """A file that is written anew whenever artifacts or configuration were replaced; looking costs one ``stat``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._look()

    def news(self) -> tuple[int, int] | None:
        """Return what `heed` takes if the stamp has changed since, else ``None``."""
        found = self._look()
        return found if found != self._seen else None

    def heed(self, news: tuple[int, int]) -> None:
        """Take note that what changed up to ``news`` is known here."""
        self._seen = news

    def renew(self) -> None:
        """Tell all processes, this one too: another one may have told something at the same moment."""
        write_atomically(self._path, os.urandom(8).hex().encode())

    def _look(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        return found.st_mtime_ns, found.st_ino
