"""Several processes that execute runs, and their supervisor."""

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from kedro_asgi.cli.ending_processes import send_signal, wait_for_ends
from kedro_asgi.cli.run_worker import STARTUP_FAILURE, NoteStatus
from kedro_asgi.cli.server_process import grace_seconds
from kedro_asgi.server.worker_app import WorkerStatus

_log = logging.getLogger(__name__)

# How long a process may take to open the project, which may load large models.
_START_SECONDS = 60.0
_TURN_SECONDS = 0.2
# The pause before a process is replaced that could not start; it doubles.
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0

Work = Callable[[NoteStatus], int]
"""Executes runs until the process ends, and returns its exit code; tells its argument of its status."""


def supervise(work: Work, count: int, note_status: NoteStatus) -> int:
    """Have ``count`` processes do ``work`` until SIGTERM or SIGINT, replace those that end; return the exit code.

    ``note_status`` is called again and again with the status of all together.
    """
    return _Supervisor(work, count, note_status).run()


class _Process:
    """One process, as its supervisor knows it."""

    def __init__(self, work: Work) -> None:
        self._ready, ready = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.get_context("spawn").Process(target=_exit_with, args=(work, ready))
        self.process.start()
        ready.close()
        self._is_ready = False

    @property
    def is_ready(self) -> bool:
        """Whether the process has taken runs by now."""
        with suppress(EOFError, OSError):
            self._is_ready = self._is_ready or (self._ready.poll() and bool(self._ready.recv()))
        return self._is_ready

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.is_alive()


class _Supervisor:
    """Replaces processes that have ended. SIGHUP replaces all of them, one by one.

    A process that cannot start ends the others only if none has ever started: later, the project may be half written.
    """

    def __init__(self, work: Work, count: int, note_status: NoteStatus) -> None:
        self._work = work
        self._count = count
        self._note_status = note_status
        self._processes: list[_Process] = []
        self._retiring: list[_Process] = []
        self._signals_to_end = 0
        self._has_to_replace = False
        self._has_begun = False
        self._failures = 0
        self._starts_at = 0.0

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_end)
        signal.signal(signal.SIGHUP, self._note_hang_up)
        self._processes = [_Process(self._work) for _ in range(self._count)]
        while not self._signals_to_end:
            wait([found.process.sentinel for found in self._processes if found.is_alive], timeout=_TURN_SECONDS)
            self._has_begun = self._has_begun or any(found.is_ready for found in self._processes)
            self._note_status(self._status)
            if self._has_to_replace:
                self._replace_all()
            if not self._keep_alive():
                self._end_all()
                return STARTUP_FAILURE
        self._end_all()
        return 0

    @property
    def _status(self) -> WorkerStatus:
        if self._signals_to_end:
            return "draining"
        return "ready" if any(found.is_ready and found.is_alive for found in self._processes) else "starting"

    def _note_end(self, number: int, frame: object) -> None:
        self._signals_to_end += 1

    def _note_hang_up(self, number: int, frame: object) -> None:
        self._has_to_replace = True

    def _keep_alive(self) -> bool:
        """Replace processes that have ended; return false if none could start."""
        self._retiring = [found for found in self._retiring if found.is_alive]
        for index, found in enumerate(self._processes):
            if found.is_alive:
                continue
            if found.process.exitcode == STARTUP_FAILURE and not self._has_begun:
                return False
            if time.monotonic() >= self._starts_at:
                self._note_ended(found)
                self._processes[index] = _Process(self._work)
        return True

    def _note_ended(self, found: _Process) -> None:
        _log.error("Worker [%s] has ended with exit code %s.", found.process.pid, found.process.exitcode)
        self._failures = 0 if found.is_ready else self._failures + 1
        pause = min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**self._failures) if self._failures else 0.0
        self._starts_at = time.monotonic() + pause

    def _replace_all(self) -> None:
        """Replace each process: its successor takes runs before it is told to end."""
        self._has_to_replace = False
        for index, former in enumerate(self._processes):
            successor = _Process(self._work)
            if not self._wait_until_ready(successor):
                reason = "was not ready in time" if successor.is_alive else "failed to start"
                successor.process.kill()
                if not self._signals_to_end:
                    _log.error("Worker [%s] %s; the restart ends here.", successor.process.pid, reason)
                return
            self._processes[index] = successor
            self._retiring.append(former)
            send_signal(former.process, signal.SIGTERM)

    def _wait_until_ready(self, found: _Process) -> bool:
        ends_at = time.monotonic() + _START_SECONDS
        while found.is_alive and not found.is_ready:
            if self._signals_to_end or time.monotonic() > ends_at:
                return False
            self._note_status(self._status)
            time.sleep(_TURN_SECONDS)
        return found.is_ready

    def _end_all(self) -> None:
        """Tell all processes to end, and wait; kill those that do not end in time."""
        self._note_status(self._status)
        processes = [found.process for found in (*self._processes, *self._retiring)]
        for process in processes:
            send_signal(process, signal.SIGTERM)
        wait_for_ends(processes, grace_seconds=grace_seconds(), signals_to_end=lambda: self._signals_to_end)


def _exit_with(work: Work, ready: Connection) -> None:
    def note_status(status: WorkerStatus) -> None:
        if status == "ready":
            with suppress(OSError):
                ready.send(True)

    raise SystemExit(work(note_status))
