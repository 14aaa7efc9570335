"""The contract of all runners."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from itertools import count
from time import perf_counter
from typing import Any

import msgspec

from kedro_asgi.errors import UnmetInputsError
from kedro_asgi.hooks import HookManager, RunHooks
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.async_nodes import RunLoop
from kedro_asgi.runner.graph import run_graph, workers_for
from kedro_asgi.runner.missing_outputs import without_existing_outputs
from kedro_asgi.runner.resuming import hint_at_resuming, note_resuming
from kedro_asgi.runner.task import CallNode, bound_hooks, call_node, node_runner_class
from kedro_asgi.runner.worker_pool import WorkerPool


def _do_nothing() -> None:
    """Stand for an action that a run does not need."""


class NodeCalls(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How one run calls the functions of its nodes, and saves their outputs if the catalog cannot.

    ``end`` is called when the turn of a node is over. ``interrupt`` ends the calls that are under way.
    """

    call: CallNode = call_node
    save: Callable[[str, Any], None] | None = None
    end: Callable[[Node], None] | None = None
    interrupt: Callable[[], None] = _do_nothing


_IN_THIS_PROCESS = nullcontext(NodeCalls())


class AbstractRunner(ABC):
    """Runs the nodes of a pipeline on a catalog.

    Promises of every runner: a node runs after all nodes that it depends on, and once; the exception of the
    node that failed first is raised as it was; after a failure no further node starts (Q-30); a dataset is
    released when its last consumer is done. A runner holds no state of a run, so one instance may
    serve many runs at a time.

    A subclass says in `_get_executor` what nodes run on; it may also call functions elsewhere (`_calling`), or do it
    all itself (`_run`).
    """

    _has_async_mode = True
    _max_workers = 1

    def __init__(self, is_async: bool = False) -> None:
        self._is_async = is_async

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(type(self).__module__)

    @cached_property
    def _run_log(self) -> logging.Logger:
        """The logger of the module of this runner, as Kedro has it.

        The runners of a project use the one of this module, so that a server can silence what each run says.
        """
        module = type(self).__module__
        return logging.getLogger(module if module.startswith("kedro_asgi.") else __name__)

    def run(
        self,
        pipeline: Pipeline,
        catalog: DataCatalog,
        hook_manager: HookManager = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        """Run ``pipeline`` and return its free outputs by name, as datasets.

        Raises `UnmetInputsError` for free inputs that are in no catalog, before any node runs.
        """
        started, log = perf_counter(), self._run_log
        if only_missing_outputs:
            pipeline = without_existing_outputs(pipeline, catalog, log=log)
        steps = pipeline.steps
        # Before anything is registered, so that a second try fails in the same way.
        if unmet := catalog.missing(steps.free_inputs):
            # Not type(): a catalog of the project's own gives its name through ours.
            raise UnmetInputsError(unmet, catalog.__class__.__name__)
        done: list[Node] = []
        hooks = msgspec.structs.replace(bound_hooks(hook_manager), node_done=_noting(done, len(steps.in_order), log))
        catalog.prepare(steps.datasets, is_seen=hooks.shows_catalog or type(self)._run is not AbstractRunner._run)
        is_logged = log.isEnabledFor(logging.INFO)
        if is_logged:
            self._log_mode(log)
        try:
            self._run_in_loop(pipeline, catalog, hooks, run_id)
        except KeyboardInterrupt as error:
            note_resuming(error, pipeline, done, catalog)
            raise
        except Exception as error:
            hint_at_resuming(error, pipeline, done, catalog, log=log)
            raise
        if is_logged:
            log.info("Pipeline execution completed successfully in %.1f sec.", perf_counter() - started)
        return catalog.results(steps.free_outputs)

    def using(self, pool: WorkerPool) -> "AbstractRunner":
        """Return a runner that does the same with the worker processes of ``pool``; most need none."""
        return self

    def _run_in_loop(self, pipeline: Pipeline, catalog: DataCatalog, hooks: RunHooks, run_id: str | None) -> None:
        """Run the nodes; async ones have an event loop, which goes on for as long as the run."""
        with RunLoop() if pipeline.steps.has_async_nodes else nullcontext():
            self._run(pipeline, catalog, hooks, run_id)

    def _log_mode(self, log: logging.Logger) -> None:
        if not self._has_async_mode:
            return
        if self._is_async:
            log.info("Asynchronous mode is enabled for loading and saving data.")
        else:
            log.info("Using synchronous mode for loading and saving data. '--async' does it all at a time.")

    def _run(
        self, pipeline: Pipeline, catalog: DataCatalog, hook_manager: HookManager = None, run_id: str | None = None
    ) -> None:
        """Run the nodes on what `_get_executor` returns; every dataset of ``pipeline`` is in ``catalog``."""
        steps, hooks = pipeline.steps, bound_hooks(hook_manager)
        workers = 1 if self._max_workers == 1 else workers_for(pipeline, self._max_workers)
        with self._calling(pipeline, catalog, workers) as calls:
            nodes = node_runner_class(hooks)(
                catalog, hooks, run_id, is_async=self._is_async, call=calls.call, save=calls.save, end=calls.end
            )
            executor = self._get_executor(workers)
            if executor is not None:
                give_up = _do_nothing if hooks.retries is None else hooks.retries.give_up
                with executor:
                    run_graph(
                        steps,
                        nodes.run,
                        executor,
                        release=catalog.release,
                        interrupt=calls.interrupt,
                        give_up=give_up,
                    )
                return
            for step in steps.in_order:
                nodes.run(step)
                for name in step.releases:
                    catalog.release(name)

    def _calling(self, pipeline: Pipeline, catalog: DataCatalog, workers: int) -> AbstractContextManager[NodeCalls]:
        """Return how the functions of nodes are called while a run lasts: in the thread of each node."""
        return _IN_THIS_PROCESS

    @abstractmethod
    def _get_executor(self, max_workers: int) -> Executor | None:
        """Return an executor of threads that nodes are submitted to, or ``None`` to run them in the calling one."""


def _noting(done: list[Node], total: int, log: logging.Logger) -> Callable[[Node], None]:
    """Return what adds a node to ``done`` when its outputs are saved, and logs that; any thread may call it."""
    if not log.isEnabledFor(logging.INFO):
        return done.append
    numbers = count(1)

    def note(node: Node) -> None:
        done.append(node)
        log.info("Completed node: %s", node.name)
        log.info("Completed %d out of %d tasks", next(numbers), total)

    return note
