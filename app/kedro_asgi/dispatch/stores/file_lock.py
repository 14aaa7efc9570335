"""Worker locks as locked files beside a SQLite store."""

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kedro_asgi.dispatch.stores.liveness import WorkerStatus
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.file_lock import is_unlocked, take_lock
from kedro_asgi.forked_children import call_in_forked_children

if sys.platform != "win32":
    import fcntl


class FileWorkerLock:
    """A `WorkerLock` on the file ``<store>-<worker>.lock``; the kernel frees it when the process ends."""

    is_kept_in_outages = True

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store
        self._descriptor = -1
        call_in_forked_children(self, FileWorkerLock.release)

    def acquire(self, worker: str) -> None:
        """Remove the locks of workers that ended without `release`, and take the lock of ``worker``."""
        # The working directory may change while the store is open.
        self._store = self._store.absolute()
        for path in worker_locks(self._store):
            is_unlocked(path, remove=True)
        self._path = self.path_of(worker)
        self._descriptor = _lock(self._path)

    def renew(self) -> None:
        """Create the file again if an operator deleted it."""
        try:
            if self._descriptor >= 0 and not self._path.exists():
                renewed = _lock(self._path)
                self.release()
                self._descriptor = renewed
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def statuses_of(self, workers: Sequence[str], connection: Any) -> dict[str, WorkerStatus]:
        return {worker: self._status_of(worker) for worker in workers}

    def _status_of(self, worker: str) -> WorkerStatus:
        path = self.path_of(worker)
        if not path.exists():
            # An operator deleted it; a live worker creates it again.
            return "missing"
        return "dead" if is_unlocked(path) else "alive"

    def path_of(self, worker: str) -> Path:
        """Return the file that ``worker`` locks."""
        return self._store.with_name(f"{self._store.name}-{worker}.lock")


def worker_locks(store: Path) -> Iterator[Path]:
    """Yield the files beside ``store`` that its workers lock, and that of `opening_lock`."""
    return store.parent.glob(f"{glob.escape(store.name)}-*.lock")


def opening_lock(store: Path) -> Path:
    """Return the file that a worker locks while it opens the store."""
    return store.with_name(f"{store.name}-opening.lock")


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file for a block, against other processes."""
    descriptor = _lock(path)
    try:
        yield
    finally:
        if sys.platform != "win32":
            # Closing is not enough: a process that was forked meanwhile has a copy of the descriptor.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Create and lock a file, and return its descriptor.

    Another process may remove the file between its creation and its lock, so check that it is still there.
    """
    while True:
        descriptor = take_lock(path)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
