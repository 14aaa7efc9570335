"""A folder in which the workers of a server tell each other what they have counted."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

import msgspec

from kedro_asgi.atomic_file import write_atomically
from kedro_asgi.file_lock import is_unlocked, try_lock
from kedro_asgi.forked_children import call_in_forked_children
from kedro_asgi.metrics.snapshots import Snapshot, WorkerSnapshot


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
            if (descriptor := try_lock(self._folder / f"worker-{number}.lock")) is not None:
                self._lock_descriptor, self._number = descriptor, number
                return

    def _write(self, snapshot: Snapshot) -> None:
        if self._lock_descriptor < 0 or not self._lock_path.exists():
            # A cleaner of temporary folders has deleted the lock file.
            self._unlock()
            self._take_number()
        content = _WorkerFile(pid=os.getpid(), former=self._former, now=snapshot)
        write_atomically(self._path, msgspec.msgpack.encode(content))
        # Cleaners of temporary folders delete files that look old.
        os.utime(self._lock_path)

    def _read_all(self) -> Iterator[WorkerSnapshot]:
        numbers = sorted(int(path.stem.removeprefix("worker-")) for path in self._folder.glob("worker-*.counts"))
        for number in numbers:
            path = self._folder / f"worker-{number}.counts"
            if (found := _read(path)) is not None:
                # A worker that starts during this look takes the next number.
                is_alive = number == self._number or not is_unlocked(path.with_suffix(".lock"))
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
