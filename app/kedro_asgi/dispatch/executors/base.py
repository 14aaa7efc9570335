"""The contract of all executors."""

from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, Protocol

import msgspec

from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import Emit
from kedro_asgi.runs import ErrorDetail, RunId, RunSpec


class Execution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How the execution of a run ended: outputs as they are stored, or why it failed.

    ``output_problems`` says why an output of a run that succeeded is missing.
    An execution that was stopped has neither outputs nor an error, even if its code raised after the stop.
    ``has_crashed``: the run ended its process, or may have. ``is_interrupted``: the Dask worker of the run was lost,
    perhaps through no fault of the run. A promised run with ``on_interrupt: rerun`` is repeated then.
    ``retry_delay_seconds`` is set if the run is to be tried again (`KedroServiceSession.retry_delay_seconds`).
    """

    outputs: Mapping[str, Any] = {}
    output_problems: Mapping[str, str] = {}
    error: ErrorDetail | None = None
    has_crashed: bool = False
    is_interrupted: bool = False
    retry_delay_seconds: float | None = None


class GivenRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run that the scheduler gives to an executor; ``read_spec`` reads its order, which may take long, and may raise.

    Runs of the same ``pipeline_names`` usually take equally long. Code that runs in this process runs in ``context``,
    the caller's context variables; it is the run's own. ``emit`` takes the run's events, from any thread of this
    process, and ``ended`` its end, on the event loop.
    """

    run_id: RunId
    read_spec: Callable[[], RunSpec]
    pipeline_names: tuple[str, ...]
    context: Context
    emit: Emit
    ended: Callable[[Execution], None]


class Executor(Protocol):
    """Executes runs: in threads of this process, in other processes, on other machines.

    The scheduler limits how many runs an executor has at a time. Everything is called on one event loop;
    nothing blocks, and nothing raises.
    """

    def start(self, run: GivenRun) -> None:
        """Execute a run.

        The executor calls ``run.ended`` exactly once, on the event loop and never within `start`: when nothing of the
        run is executed any more, also if it was stopped, could not be started, or its worker is gone. The run's slot is
        free then, and not before. It passes the run's events to ``run.emit`` in their order and before ``run.ended``.
        An error of ``run.read_spec`` fails the run; another process that executes the run gets ``read_spec`` pickled.
        """

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        """Ask a run to stop; it goes on until its code finds out, which may be long after. Unknown runs are ignored."""

    @property
    def is_open(self) -> bool:
        """Whether runs begin at once; ``False`` while whatever executes them starts for the first time."""

    @property
    def problem(self) -> str | None:
        """Why runs cannot begin at this moment, though they are accepted; ``None`` if they can."""

    def gauges(self) -> Mapping[str, float]:
        """Return figures of this moment, beside those of the scheduler."""

    def close(self) -> None:
        """Take no more runs; those that are still executed keep neither the event loop nor the process from ending."""
