"""Run the functions of nodes in other processes."""

import copy
import os
import pickle
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import Any, Self

from kedro_asgi.errors import UnpicklableNodesError, WorkerDiedError
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.base import AbstractRunner, NodeCalls
from kedro_asgi.runner.graph import worker_count
from kedro_asgi.runner.messages import GO_ON, STOP, Answer, Chunk, packed_call
from kedro_asgi.runner.processes import Processes
from kedro_asgi.runner.task import call_node
from kedro_asgi.runner.worker_process import Worker

_MAX_WORKERS_ON_WINDOWS = 61


class ParallelRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` processes.

    Only a node's function crosses into another process, with its inputs and its result; datasets are loaded and saved,
    and hooks are called, in this process (Q-31, Q-32), so any dataset will do. What the function logs is logged here.
    A node that is ``async`` is awaited here, on the host's loop. A session lends the processes that it keeps; a runner
    used by itself has its own for each run.

    Raises `UnpicklableNodesError`, `WorkerImportError`, `UnserialisableDataError` and `UnreadableResultError` for
    what cannot cross, and `WorkerDiedError` where a process is killed.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        super().__init__(is_async=is_async)
        self._max_workers = worker_count(max_workers)
        if os.name == "nt":
            self._max_workers = min(self._max_workers, _MAX_WORKERS_ON_WINDOWS)
        self._lent: Processes | None = None

    def using(self, processes: Processes) -> Self:
        runner = copy.copy(self)
        runner._lent = processes
        return runner

    @contextmanager
    def _calling(self, pipeline: Pipeline, workers: int) -> Iterator[NodeCalls]:
        _check_nodes(pipeline)
        with nullcontext(self._lent) if self._lent is not None else closing(Processes()) as processes:
            calls = _Calls(processes, wanted=workers)
            yield NodeCalls(call=calls.call, interrupt=calls.interrupt)

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        """One thread waits for each process."""
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-process")


class _Calls:
    """The calls of one run that are under way in other processes."""

    def __init__(self, processes: Processes, *, wanted: int) -> None:
        self._processes = processes
        self._wanted = wanted
        self._busy: set[Worker] = set()
        self._is_interrupted = False

    def call(self, node: Node, inputs: dict[str, Any]) -> Any:
        """Return what the node returns, or raise what it raises; a generator node's chunks come as they are drawn."""
        if node.is_async:
            return call_node(node, inputs)
        call = packed_call(node, inputs)
        if node.is_generator:
            return self._chunks(node, call)
        with self._worker() as worker:
            return _end(worker.ask(call, node))

    def interrupt(self) -> None:
        """Kill the processes that work for this run: nobody waits for them any more."""
        self._is_interrupted = True
        for worker in tuple(self._busy):
            worker.kill()

    def _chunks(self, node: Node, call: bytes) -> Generator[Any, None, None]:
        with self._worker() as worker:
            message = worker.ask(call, node)
            while isinstance(message, Chunk):
                try:
                    yield message.value
                except GeneratorExit:
                    with suppress(WorkerDiedError):
                        worker.ask(STOP, node)
                    raise
                message = worker.ask(GO_ON, node)
            _end(message)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        with self._processes.worker(wanted=self._wanted) as worker:
            self._busy.add(worker)
            try:
                if self._is_interrupted:
                    raise KeyboardInterrupt
                yield worker
            finally:
                self._busy.discard(worker)


def _end(message: Chunk | Answer) -> Any:
    assert isinstance(message, Answer), "only generators send chunks"
    return message.value()


def _check_nodes(pipeline: Pipeline) -> None:
    if unpicklable := [node for node in pipeline.nodes if not (node.is_async or _is_picklable(node))]:
        raise UnpicklableNodesError([repr(node) for node in unpicklable])


def _is_picklable(node: Node) -> bool:
    try:
        pickle.dumps(node)
    except Exception:
        return False
    return True
