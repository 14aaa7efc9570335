"""The choice of the executor of a run: that of the server, or the one of its pipeline."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import msgspec

from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch.executors.base import Executor, GivenRun
from kedro_asgi.dispatch.executors.thread import ThreadExecutor
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.errors import DaskMissingError, PolicyError, RunStoppedError
from kedro_asgi.executor_kind import ExecutorKind
from kedro_asgi.runs import RunId
from kedro_asgi.session import AsyncSession, Convert

# A run of several pipelines is executed by the first of these kinds that one of its pipelines has.
_BY_RANK: tuple[ExecutorKind, ...] = ("dask", "process", "thread")


class ExecutorChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The executor of all runs, and those of the runs of single pipelines; ``dask`` says which cluster is used."""

    default: ExecutorKind = "thread"
    by_pipeline: Mapping[str, ExecutorKind] = {}
    dask: DaskOptions = DaskOptions()

    @property
    def kinds(self) -> frozenset[ExecutorKind]:
        """The executors that runs may get."""
        return frozenset((self.default, *self.by_pipeline.values()))

    def check(self, policy: Policy) -> None:
        """Raise `PolicyError` for a limit that these executors cannot keep, or `DaskMissingError`."""
        if "dask" in self.kinds and find_spec("distributed") is None:
            raise DaskMissingError
        if policy.max_run_memory_bytes is None:
            return
        if "process" not in self.kinds:
            raise PolicyError("max_run_memory_bytes limits runs in processes only: set the executor to 'process'")
        if sys.platform != "linux":
            raise PolicyError("max_run_memory_bytes needs Linux, which tells the memory of processes in /proc")


def make_executor(session: AsyncSession, convert: Convert, policy: Policy, choice: ExecutorChoice) -> Executor:
    """Return what executes the runs of a service; to be called on its event loop."""
    makers: Mapping[ExecutorKind, Callable[[], Executor]] = {
        "thread": partial(ThreadExecutor, session, convert, full_tracebacks=policy.full_tracebacks),
        "process": partial(_process_executor, session, convert, policy),
        "dask": partial(_dask_executor, session, convert, policy, choice.dask),
    }
    executors = {kind: makers[kind]() for kind in sorted(choice.kinds)}
    return executors[choice.default] if len(executors) == 1 else PipelineExecutor(executors, choice)


def _process_executor(session: AsyncSession, convert: Convert, policy: Policy) -> Executor:
    # Imported only by servers that use it.
    from kedro_asgi.dispatch.executors.process.executor import ProcessExecutor

    return ProcessExecutor(session, convert, policy)


def _dask_executor(session: AsyncSession, convert: Convert, policy: Policy, options: DaskOptions) -> Executor:
    # Imported only by servers that use it.
    from kedro_asgi.dispatch.executors.dask.executor import DaskExecutor

    return DaskExecutor(session, convert, policy, options)


class PipelineExecutor:
    """An `Executor` that passes each run to the executor of its pipeline.

    A run of several pipelines is executed on a cluster if one of them is, else in a process if one of them is.
    """

    def __init__(self, executors: Mapping[ExecutorKind, Executor], choice: ExecutorChoice) -> None:
        self._executors = executors
        self._choice = choice

    def start(self, run: GivenRun) -> None:
        kinds = {self._choice.by_pipeline.get(name, self._choice.default) for name in run.pipeline_names}
        chosen = next((kind for kind in _BY_RANK if kind in kinds), self._choice.default)
        self._executors[chosen].start(run)

    def stop(self, run_id: RunId, reason: RunStoppedError) -> None:
        for executor in self._executors.values():
            executor.stop(run_id, reason)

    @property
    def is_open(self) -> bool:
        return all(executor.is_open for executor in self._executors.values())

    @property
    def problem(self) -> str | None:
        return next((found for executor in self._executors.values() if (found := executor.problem)), None)

    def gauges(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for executor in self._executors.values():
            found.update(executor.gauges())
        return found

    def close(self) -> None:
        for executor in self._executors.values():
            executor.close()
