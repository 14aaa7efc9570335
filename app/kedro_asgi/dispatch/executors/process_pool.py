"""The processes that execute runs: warm ones, and those that replace them."""

import threading
import time
from multiprocessing.util import Finalize

from kedro_asgi.dispatch.executors.given_run import GivenRun
from kedro_asgi.dispatch.executors.process_main import Opening
from kedro_asgi.dispatch.executors.process_memory import private_bytes
from kedro_asgi.dispatch.executors.run_process import RunProcess
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.runs import RunId

_log = SafeLogger(__name__)

# Before the interpreter waits for all child processes.
_BEFORE_JOIN = 100
_SURPLUS_SECONDS = 60.0


class ProcessPool:
    """Keeps ``warm`` processes ready, and starts others when more runs come; a `ProcessOwner`. Thread-safe.

    The caller limits how many runs there are at a time. A process that ends is replaced at once, unless the project
    cannot be opened: then the next run starts one, which fails with the reason.
    """

    def __init__(self, opening: Opening, policy: Policy, *, warm: int) -> None:
        self._opening = opening
        self._policy = policy
        self._warm = warm
        self._lock = threading.RLock()
        self._processes: dict[RunProcess, None] = {}
        self._free: list[RunProcess] = []
        self._opened: set[RunProcess] = set()
        # Those that get no further run.
        self._leaving: set[RunProcess] = set()
        self._is_opening_broken = False
        self.has_opened = False
        """Whether a process has opened the project by now, or has failed to."""
        self._is_closed = False
        Finalize(self, _kill_all, args=(self._processes,), exitpriority=_BEFORE_JOIN)
        with self._lock:
            self._start_ahead()

    def give(self, run: GivenRun) -> None:
        """Have a run executed by a process; raises ``RuntimeError`` if no thread can start for a new one."""
        with self._lock:
            while self._free:
                # The one that was used last, of those that are open.
                process = next((found for found in reversed(self._free) if found in self._opened), self._free[-1])
                if process.is_alive:
                    self._free.remove(process)
                    process.give(run)
                    if process.count == self._policy.max_process_runs:
                        self.replace(process)
                    return
                self._leave(process)
                process.retire()
            process = self._start()
            process.give(run)
            if self._policy.max_process_runs == 1:
                self.replace(process)

    def executing(self, run_id: RunId) -> RunProcess | None:
        """Return the process that has a run."""
        with self._lock:
            return next((found for found in self._processes if found.executes(run_id)), None)

    def executed(self) -> list[tuple[RunProcess, RunId]]:
        """Return the processes that have a run, and the ids of the runs."""
        with self._lock:
            return [(process, run.run_id) for process in self._processes if (run := process.run) is not None]

    def replace(self, process: RunProcess) -> None:
        """Start another process in place of one that is about to be killed, and gets no further run."""
        with self._lock:
            self._leave(process)
            self._start_ahead()

    def close(self) -> None:
        """End all processes, also those that have a run; does not wait for them."""
        with self._lock:
            self._is_closed = True
            for process in self._processes:
                if process.run is not None or process not in self._opened:
                    process.kill()
                process.retire()
            self._free.clear()

    def gauges(self) -> dict[str, float]:
        """Return figures of this moment."""
        with self._lock:
            return {"run_processes": len(self._processes), "run_processes_open": len(self._opened)}

    # --- from the threads of the processes ---

    def process_opened(self, process: RunProcess, *, is_broken: bool) -> None:
        with self._lock:
            self._is_opening_broken, self.has_opened = is_broken, True
            if not is_broken:
                self._opened.add(process)
                self._start_ahead()
            elif process.run is None:
                self._leave(process)
                process.retire()

    def run_ended(self, process: RunProcess, *, is_usable: bool) -> bool:
        is_usable = is_usable and not self._is_bloated(process)
        with self._lock:
            process.run = None
            is_kept = is_usable and process not in self._leaving and not self._is_closed
            if is_kept:
                process.free_since = time.monotonic()
                self._free.append(process)
                self._retire_surplus()
            else:
                self._leave(process)
                self._start_ahead()
            return is_kept

    def process_failed(self, process: RunProcess) -> bool:
        with self._lock:
            self._is_opening_broken = self.has_opened = True
            self._leave(process)
            return process.run is not None

    def process_ended(self, process: RunProcess) -> None:
        with self._lock:
            del self._processes[process]
            self._leaving.discard(process)

    def _is_bloated(self, process: RunProcess) -> bool:
        limit_bytes, pid = self._policy.max_process_memory_bytes, process.pid
        return limit_bytes is not None and pid is not None and private_bytes(pid) > limit_bytes

    # --- while the lock is held ---

    def _retire_surplus(self) -> None:
        """End the process that was used longest ago if it was needed for more runs at a time than there are now."""
        oldest = self._free[0]
        is_surplus = len(self._processes) - len(self._leaving) > self._warm
        if is_surplus and time.monotonic() - oldest.free_since > _SURPLUS_SECONDS:
            self._leave(oldest)
            oldest.retire()

    def _leave(self, process: RunProcess) -> None:
        """Give a process no further run."""
        self._leaving.add(process)
        self._opened.discard(process)
        if process in self._free:
            self._free.remove(process)

    def _start(self) -> RunProcess:
        process = RunProcess(self._opening, self)
        self._processes[process] = None
        return process

    def _start_ahead(self) -> None:
        while (
            not (self._is_closed or self._is_opening_broken) and len(self._processes) - len(self._leaving) < self._warm
        ):
            try:
                self._free.append(self._start())
            except RuntimeError as problem:
                _log.warning("No thread can start for a process of runs: %s", problem)
                return


def _kill_all(processes: dict[RunProcess, None]) -> None:
    for process in list(processes):
        process.kill()
