"""A folder in which the workers of a server tell each other what they have counted."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

import msgspec

from kedro_asgi.forked_children import call_in_forked_children
from kedro_asgi.metrics.snapshots import Snapshot, WorkerSnapshot

if sys.platform != "win32":
    import fcntl


class _WorkerFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a worker's file: ``former`` has the counts of dead processes that this one has succeeded."""

    pid: int
    former: Snapshot
    now: Snapshot


_DECODER = msgspec.msgpack.Decoder(_WorkerFile)


class WorkerFolder:
    """The files of the workers: each has one number and two files, a lock and its counts. Blocks; thread-safe.

    A worker takes the first number that no live process has, and goes on with the counts of the dead process that had
    it. So a count that a caller has seen never goes back, and there are no more files than there were workers at a
    time. The kernel frees the lock when a process ends, however it ends. A file is replaced as a whole; it outlives its
    process without being written to the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()
        self._lock_descriptor = -1
        self._number = -1
        self._former = Snapshot(totals={}, gauges={})
        self._last = -1
        call_in_forked_children(self, WorkerFolder._release)

    def publish(self, snapshot: Snapshot, *, sequence: int) -> None:
        """Show other workers a snapshot of this one; an older one than the last does nothing.

        Raises ``OSError``.
        """
        with self._turn:
            if self._number < 0:
                self._join()
            if sequence > self._last:
                self._write(snapshot)
                self._last = sequence

    def read(self) -> list[WorkerSnapshot]:
        """Return the last snapshots of all workers, also of those that have ended; raises ``OSError``."""
        with self._turn:
            return list(self._read_all())

    def _join(self) -> None:
        """Take a number, and the counts that are there."""
        self._take_number()
        if (found := _read(self._path)) is not None:
            self._former = found.now.after(found.former)

    def _take_number(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Its own first, if it had one.
        for number in chain((max(self._number, 0),), count()):
            if (descriptor := _lock(self._folder / f"worker-{number}.lock")) is not None:
                self._lock_descriptor, self._number = descriptor, number
                return

    def _write(self, snapshot: Snapshot) -> None:
        if self._lock_descriptor < 0 or not self._lock_path.exists():
            # Somebody has cleaned up.
            self._unlock()
            self._take_number()
        content = _WorkerFile(pid=os.getpid(), former=self._former, now=snapshot)
        aside = self._path.with_suffix(".new")
        aside.write_bytes(msgspec.msgpack.encode(content))
        aside.replace(self._path)
        # Cleaners of temporary folders delete files that look old.
        os.utime(self._lock_path)

    def _read_all(self) -> Iterator[WorkerSnapshot]:
        numbers = sorted(int(path.stem.removeprefix("worker-")) for path in self._folder.glob("worker-*.counts"))
        for number in numbers:
            path = self._folder / f"worker-{number}.counts"
            if (found := _read(path)) is not None:
                is_alive = number == self._number or _is_locked(path.with_suffix(".lock"))
                yield WorkerSnapshot(
                    worker=str(number), pid=found.pid if is_alive else None, snapshot=found.now.after(found.former)
                )

    @property
    def _path(self) -> Path:
        return self._folder / f"worker-{self._number}.counts"

    @property
    def _lock_path(self) -> Path:
        return self._path.with_suffix(".lock")

    def _release(self) -> None:
        """Leave the number to the process that this one was forked from."""
        self._unlock()
        self._number = -1

    def _unlock(self) -> None:
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1


def _read(path: Path) -> _WorkerFile | None:
    """Return the content of a file, unless it is not there, or of another version of the server."""
    with suppress(FileNotFoundError, msgspec.DecodeError):
        return _DECODER.decode(path.read_bytes())
    return None


def _lock(path: Path, *, is_shared: bool = False) -> int | None:
    """Return the descriptor of a file that is locked now, or ``None`` if another process has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_locked(path: Path) -> bool:
    # For a moment this takes a lock, which several may have. A worker that starts just then takes the next number.
    try:
        descriptor = _lock(path, is_shared=True)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
