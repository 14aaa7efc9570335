"""Several server processes on one port, and their supervisor."""

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from kedro_asgi.cli.connection_counts import ConnectionCounts
from kedro_asgi.cli.ending_processes import patience_seconds, send_signal, wait_for_ends
from kedro_asgi.cli.reloader import ProjectReload, Watched
from kedro_asgi.cli.server_process import WorkerServer, grace_seconds
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.server.startup_errors import startup_sentence
from kedro_asgi.server.systemd import ServiceManager

_log = logging.getLogger("uvicorn.error")

# A worker may load large models before it is ready.
_START_SECONDS = 60
_LOOK_SECONDS = 0.1
# How long a signal to end goes unnoticed at most.
_FLAG_SECONDS = 0.05
# How long a worker may take to say that it serves: a node may hold the GIL, and the machine may be busy.
_ANSWER_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 64.0


class _ExitFlag(threading.Event):
    """An event without its lock, which a signal handler may find held by the code that it interrupts."""

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        ends_at = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._is_set and (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(left, _FLAG_SECONDS))
        return self._is_set


class ServerWorker(Process):
    """A server process, seen from the supervisor and from within; ``index`` is its own in ``counts``."""

    def __init__(self, config: uvicorn.Config, sockets: Any, *, counts: ConnectionCounts, index: int) -> None:
        super().__init__(config, sockets)
        self.index = index
        self._counts = counts

    def target(self, sockets: Any = None) -> None:
        """Serve in this process until a signal ends it."""
        # Made before the thread that tells the supervisor whether it has started: uvicorn makes a server for the first
        # thread that asks for it, or for each of two, and then the supervisor waits for one that never starts.
        try:
            grace = grace_seconds()
            self._server = WorkerServer(self.config, grace_seconds=grace, counts=self._counts, index=self.index)
            super().target(sockets)
        except KedroAsgiError as error:
            _log.error("%s", startup_sentence(error))
            sys.exit(STARTUP_FAILURE)


class ServerSupervisor(Multiprocess):
    """uvicorn's supervisor, which never waits for a worker longer than it must.

    It replaces only workers that have ended, not those that do not respond. A worker does not respond while a node
    holds the GIL, or while the worker is paused. Killing it would kill its runs, and it would respond again later.
    While no new worker starts, since the project is broken by now, those that serve go on.
    SIGHUP replaces all workers, one by one. A second SIGTERM or SIGINT reaches the workers too and ends their grace.
    ``service_manager`` is told of the end, and that the supervisor lives; the first worker that has opened the project
    says that the service is ready.
    """

    def __init__(self, config: uvicorn.Config, sockets: Any, service_manager: ServiceManager) -> None:
        super().__init__(config, sockets)
        self.should_exit = _ExitFlag()
        self._service_manager = service_manager
        self._counts = ConnectionCounts()
        self._alive: list[ServerWorker] = []
        self._signals_to_end = 0
        self._failed_starts = 0
        self._start_at: dict[Process, float] = {}
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_end)

    def _note_end(self, number: int, frame: FrameType | None) -> None:
        # At once, not in the supervisor's next turn: it may be waiting for a worker that does not start.
        self._signals_to_end += 1
        self.should_exit.set()
        self._service_manager.stopping()

    def init_processes(self) -> None:
        for _ in range(self.processes_num):
            self.processes.append(self._started())

    def handle_ttin(self) -> None:
        self.processes_num += 1
        self.processes.append(self._started())

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended; give up if one could not start and no other serves.

        uvicorn calls this twice a second.
        """
        self._service_manager.reset_watchdog()
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.process.is_alive():
                continue
            if worker.exitcode != STARTUP_FAILURE:
                _log.info("Child process [%s] died", worker.pid)
            elif worker not in self._start_at:
                self._note_failed_start(worker)
                continue
            elif time.monotonic() < self._start_at[worker]:
                continue
            self._start_at.pop(worker, None)
            self.processes[index] = self._started()

    def _note_failed_start(self, worker: Process) -> None:
        """End all if no other worker serves, else start one in its place after a pause, which doubles each time."""
        if not self._is_any_serving():
            _log.error("Child process [%s] failed to start, stopping the parent process.", worker.pid)
            self.should_exit.set()
            return
        pause = min(_LONGEST_PAUSE_SECONDS, 2.0**self._failed_starts)
        self._failed_starts += 1
        self._start_at[worker] = time.monotonic() + pause
        text = "Child process [%s] failed to start; the other workers go on, and the next one starts in %g seconds."
        _log.error(text, worker.pid, pause)

    def _is_any_serving(self) -> bool:
        """Whether a worker serves. A busy one says so late; those that start with a broken project end meanwhile."""
        ends_at = time.monotonic() + _ANSWER_SECONDS
        while running := [worker for worker in self.processes if worker.process.is_alive()]:
            if any(worker.is_ready(_LOOK_SECONDS) for worker in running):
                return True
            if time.monotonic() > ends_at or self.should_exit.wait(_LOOK_SECONDS):
                return False
            self._service_manager.reset_watchdog()
        return False

    def restart_all(self) -> None:
        """Replace each worker: its successor serves, with an open project, before it retires."""
        os.environ["KEDRO_SERVER_OPENS_FIRST"] = "true"
        for index, worker in enumerate(self.processes[:]):
            successor = self._started()
            if not self._starts_in_time(successor):
                reason = "was not ready in time" if successor.process.is_alive() else "failed to start"
                successor.kill()
                successor.join()
                if not self.should_exit.is_set():
                    _log.error("Child process [%s] %s; the restart ends here.", successor.pid, reason)
                return
            self.processes[index] = successor
            self._retire(worker)
        self._failed_starts = 0

    def join_all(self) -> None:
        """Wait for the workers; kill those that do not end although they were told to."""
        processes = [worker.process for worker in self.processes]
        wait_for_ends(processes, grace_seconds=grace_seconds(), signals_to_end=lambda: self._signals_to_end)

    def _starts_in_time(self, worker: ServerWorker) -> bool:
        ends_at = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends_at and worker.process.is_alive() and not self.should_exit.is_set():
            if worker.is_ready(timeout=_LOOK_SECONDS):
                return True
            self._service_manager.reset_watchdog()
            self.should_exit.wait(_LOOK_SECONDS)
        return False

    def _retire(self, worker: Process) -> None:
        send_signal(worker.process, signal.SIGHUP)
        ends_at = time.monotonic() + self.config.timeout_keep_alive + patience_seconds(grace_seconds())
        while worker.process.is_alive() and time.monotonic() < ends_at:
            self._service_manager.reset_watchdog()
            if self.should_exit.wait(0.05):
                # It ends with the others.
                self.processes.append(worker)
                return
        worker.kill()
        worker.join()

    def _started(self) -> ServerWorker:
        self._alive = [worker for worker in self._alive if worker.process.is_alive()]
        index = self._counts.reserve({worker.index for worker in self._alive})
        worker = ServerWorker(self.config, self.sockets, counts=self._counts, index=index)
        self._alive.append(worker)
        worker.start()
        return worker


def serve_with_workers(app: str, *, workers: int, **options: Any) -> None:
    """Serve until interrupted, as ``uvicorn.run`` does."""
    config = uvicorn.Config(app, workers=workers, timeout_worker_healthcheck=_START_SECONDS, **options)
    ServerSupervisor(config, [config.bind_socket()], ServiceManager.of_environment()).run()


def serve_with_reload(app: str, watched: Watched, **options: Any) -> None:
    """Serve until interrupted, in a process that is replaced when a watched file changes."""
    config = uvicorn.Config(app, reload=True, **options)
    server = WorkerServer(config, grace_seconds=grace_seconds(), counts=ConnectionCounts(), index=0)
    ProjectReload(config, target=server.run, sockets=[config.bind_socket()], watched=watched).run()
