"""The processes that execute runs: warm ones, and those that replace them."""

import threading
import time
from multiprocessing.util import Finalize
from typing import Literal

import msgspec

from kedro_asgi.dispatch.executors.process.memory import private_bytes
from kedro_asgi.dispatch.executors.process.messages import ProcessSetup
from kedro_asgi.dispatch.executors.process.run import ProcessRun
from kedro_asgi.dispatch.executors.process.run_process import RunProcess
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.runner.process_ends import BEFORE_JOIN
from kedro_asgi.runs import RunId

_log = SafeLogger(__name__)

_SURPLUS_SECONDS = 60.0


class _Membership(msgspec.Struct, kw_only=True, eq=False):
    """The part of a process in the pool; one that is ``leaving`` gets no further run, but may have one."""

    phase: Literal["opening", "free", "busy", "leaving"] = "opening"
    run: ProcessRun | None = None
    count: int = 0
    """How many runs the process was given."""
    free_since: float = 0.0
    """When its last run ended, on the monotonic clock."""


class ProcessPool:
    """Keeps ``warm`` processes ready, and starts others when more runs come; a `ProcessOwner`. Thread-safe.

    The caller limits how many runs there are at a time. A process that ends is replaced at once, unless the project
    cannot be opened: then the next run starts one, which fails with the reason.
    """

    def __init__(self, setup: ProcessSetup, policy: Policy, *, warm: int) -> None:
        self._setup = setup
        self._policy = policy
        self._warm = warm
        self._lock = threading.RLock()
        # The one that was used last is last.
        self._members: dict[RunProcess, _Membership] = {}
        self._is_opening_broken = False
        self.has_opened = False
        """Whether a process has opened the project by now, or has failed to."""
        self._is_closed = False
        Finalize(self, _kill_all, args=(self._members,), exitpriority=BEFORE_JOIN)
        with self._lock:
            self._start_ahead()

    def give(self, given: RemoteRun) -> None:
        """Have a run executed by a process; raises ``RuntimeError`` if no thread can start for a new one."""
        run = ProcessRun(given)
        with self._lock:
            process = self._idle_process() or self._start()
            membership = self._members[process]
            membership.phase, membership.run, membership.count = "busy", run, membership.count + 1
            process.give(run)
            if membership.count == self._policy.max_process_runs:
                self._replace(process)

    def executing(self, run_id: RunId) -> tuple[RunProcess, ProcessRun] | None:
        """Return the run with this id and the process that has it."""
        return next((found for found in self.executed() if found[1].run_id == run_id), None)

    def executed(self) -> list[tuple[RunProcess, ProcessRun]]:
        """Return the processes that have a run, each with it."""
        with self._lock:
            return [
                (process, membership.run) for process, membership in self._members.items() if membership.run is not None
            ]

    def replace(self, process: RunProcess, run: ProcessRun) -> bool:
        """Start another process in place of one that is about to be killed for this run, and gets no further one.

        False if the run has ended: the process may have another one by now.
        """
        with self._lock:
            membership = self._members.get(process)
            if membership is None or membership.run is not run:
                return False
            self._replace(process)
            return True

    def close(self) -> None:
        """End all processes, also those that have a run; does not wait for them."""
        with self._lock:
            self._is_closed = True
            for process, membership in self._members.items():
                if membership.phase != "free":
                    _kill(process, membership)
                self._leave(process)

    def gauges(self) -> dict[str, float]:
        """Return figures of this moment."""
        with self._lock:
            opened = sum(
                process.is_open and membership.phase != "leaving" for process, membership in self._members.items()
            )
            return {"run_processes": len(self._members), "run_processes_open": opened}

    # --- from the threads of the processes ---

    def process_opened(self, process: RunProcess, *, is_broken: bool) -> None:
        with self._lock:
            self._is_opening_broken, self.has_opened = is_broken, True
            membership = self._members[process]
            if is_broken and membership.run is None:
                self._leave(process)
            elif membership.phase == "opening":
                membership.phase = "free"
            self._start_ahead()

    def run_ended(self, process: RunProcess, *, is_usable: bool) -> bool:
        is_usable = is_usable and not self._is_bloated(process)
        with self._lock:
            membership = self._members[process]
            membership.run = None
            is_kept = is_usable and membership.phase == "busy" and not self._is_closed
            if is_kept:
                membership.phase, membership.free_since = "free", time.monotonic()
                self._members[process] = self._members.pop(process)
                self._retire_surplus()
            else:
                self._replace(process)
            return is_kept

    def process_failed(self, process: RunProcess) -> bool:
        with self._lock:
            self._is_opening_broken = self.has_opened = True
            self._leave(process)
            return self._members[process].run is not None

    def process_ended(self, process: RunProcess) -> None:
        with self._lock:
            del self._members[process]

    def _is_bloated(self, process: RunProcess) -> bool:
        limit_bytes, pid = self._policy.max_process_memory_bytes, process.pid
        return limit_bytes is not None and pid is not None and private_bytes(pid) > limit_bytes

    # --- while the lock is held ---

    def _idle(self) -> list[RunProcess]:
        return [process for process, membership in self._members.items() if membership.phase in ("opening", "free")]

    def _idle_process(self) -> RunProcess | None:
        """Return the process that was used last, of those that are open."""
        while idle := self._idle():
            free = [process for process in idle if self._members[process].phase == "free"]
            process = (free or idle)[-1]
            if process.is_alive:
                return process
            self._leave(process)
        return None

    def _retire_surplus(self) -> None:
        """End the process that was used longest ago if it was needed for more runs at a time than there are now."""
        oldest = self._idle()[0]
        free_seconds = time.monotonic() - self._members[oldest].free_since
        if self._staying > self._warm and free_seconds > _SURPLUS_SECONDS:
            self._leave(oldest)

    @property
    def _staying(self) -> int:
        return sum(membership.phase != "leaving" for membership in self._members.values())

    def _replace(self, process: RunProcess) -> None:
        self._leave(process)
        self._start_ahead()

    def _leave(self, process: RunProcess) -> None:
        """Give a process no further run; one that has none ends."""
        membership = self._members[process]
        membership.phase = "leaving"
        if membership.run is None:
            process.retire()

    def _start(self) -> RunProcess:
        process = RunProcess(self._setup, self)
        self._members[process] = _Membership()
        return process

    def _start_ahead(self) -> None:
        while not (self._is_closed or self._is_opening_broken) and self._staying < self._warm:
            try:
                self._start()
            except RuntimeError as problem:
                _log.warning("No thread can start for a process of runs: %s", problem)
                return


def _kill_all(members: dict[RunProcess, _Membership]) -> None:
    for process, membership in list(members.items()):
        _kill(process, membership)


def _kill(process: RunProcess, membership: _Membership) -> None:
    process.kill()
    if membership.run is not None:
        membership.run.release_chunks()
