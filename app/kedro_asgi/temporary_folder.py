"""A folder for temporary files that processes share, and that is removed after them, however they end."""

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from kedro_asgi.file_lock import is_unlocked, take_lock
from kedro_asgi.forked_children import call_in_forked_children

_PREFIX = "kedro-asgi-"
_LOCK = "folder.lock"


class TemporaryFolder:
    """A new folder, which this process has until `close`; ``path`` is where.

    If the process is killed, the next one that makes such a folder removes this one, unless a process holds a lock on a
    file ``*.lock`` in it.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._descriptor = _lock(self.path / _LOCK)
        call_in_forked_children(self, TemporaryFolder._leave)

    def close(self) -> None:
        """Remove the folder; a forked process does nothing."""
        if self._descriptor >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            self._leave()

    def _leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(path: Path) -> int:
    """Create a file with a lock on it, and return its descriptor.

    It gets its name when it is locked, so that no other process finds it without the lock.
    """
    aside = path.with_suffix(".new")
    descriptor = take_lock(aside)
    aside.replace(path)
    return descriptor


def _remove_abandoned() -> None:
    """Remove the folders of this user that no living process has; raises nothing."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    if sys.platform == "win32" or folder.lstat().st_uid != os.geteuid() or not (folder / _LOCK).exists():
        return False
    return all(map(is_unlocked, folder.rglob("*.lock")))
