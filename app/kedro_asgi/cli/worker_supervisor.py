"""Several processes that execute runs, and their supervisor."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from kedro_asgi.cli.run_worker import STARTUP_FAILURE
from kedro_asgi.cli.server_process import HASTEN, LAST_SECONDS, grace_seconds

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.2
_MARGIN_SECONDS = 0.5
# A process that ends sooner than this is not replaced at once.
_SOON_SECONDS = 5.0


def supervise(work: Callable[[], int], count: int) -> int:
    """Have ``count`` processes do ``work`` until SIGTERM or SIGINT, replace those that end; return the exit code."""
    return _Supervisor(work, count).run()


class _Supervisor:
    """Replaces processes that have ended. SIGHUP replaces all of them, one by one."""

    def __init__(self, work: Callable[[], int], count: int) -> None:
        self._work = work
        self._count = count
        self._processes: dict[BaseProcess, float] = {}
        self._retiring: list[BaseProcess] = []
        self._signals_to_end = 0
        self._has_to_replace = False

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_end)
        signal.signal(signal.SIGHUP, self._note_hang_up)
        for _ in range(self._count):
            self._start()
        while not self._signals_to_end:
            wait([process.sentinel for process in self._processes if process.is_alive()], timeout=_TURN_SECONDS)
            if self._has_to_replace:
                self._replace_all()
            if not self._keep_alive():
                self._end_all()
                return STARTUP_FAILURE
        self._end_all()
        return 0

    def _note_end(self, number: int, frame: object) -> None:
        self._signals_to_end += 1

    def _note_hang_up(self, number: int, frame: object) -> None:
        self._has_to_replace = True

    def _start(self) -> None:
        process = multiprocessing.get_context("spawn").Process(target=_exit_with, args=(self._work,))
        process.start()
        self._processes[process] = time.monotonic()

    def _keep_alive(self) -> bool:
        """Replace processes that have ended; return whether all could start."""
        for process, started in list(self._processes.items()):
            if process.is_alive():
                continue
            if process.exitcode == STARTUP_FAILURE:
                return False
            if time.monotonic() - started > _SOON_SECONDS:
                _log.error("Worker [%s] has ended with exit code %s and is replaced.", process.pid, process.exitcode)
                del self._processes[process]
                self._start()
        self._retiring = [process for process in self._retiring if process.is_alive()]
        return True

    def _replace_all(self) -> None:
        self._has_to_replace = False
        for process in list(self._processes):
            self._start()
            del self._processes[process]
            self._retiring.append(process)
            _send(process, signal.SIGTERM)

    def _end_all(self) -> None:
        """Tell all processes to end, and wait; kill those that do not end in time."""
        ends_at = time.monotonic() + grace_seconds() + LAST_SECONDS + _MARGIN_SECONDS
        processes, passed_on = [*self._processes, *self._retiring], self._signals_to_end
        for process in processes:
            _send(process, signal.SIGTERM)
        while running := [process for process in processes if process.is_alive()]:
            if passed_on < self._signals_to_end:
                passed_on = self._signals_to_end
                for process in running:
                    _send(process, HASTEN)
            if time.monotonic() > ends_at:
                for process in running:
                    process.kill()
            wait([process.sentinel for process in running], timeout=_TURN_SECONDS)


def _exit_with(work: Callable[[], int]) -> None:
    raise SystemExit(work())


def _send(process: BaseProcess, number: signal.Signals) -> None:
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
