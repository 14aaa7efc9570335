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
from kedro_asgi.runner.messages import CLOSE_GENERATOR, NEXT_CHUNK, GeneratorChunk, Response, encode_request
from kedro_asgi.runner.task import call_node
from kedro_asgi.runner.worker_pool import WorkerPool
from kedro_asgi.runner.worker_process import Worker

_MAX_WORKERS_ON_WINDOWS = 61


class ParallelRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` processes.

    Only a node's function runs in another process; this process loads and saves datasets and calls hooks (Q-31),
    so any dataset will do, and it logs what the function logs. The host's loop awaits ``async`` nodes. A session lends
    its worker pool; a runner used by itself has a pool for each run.

    Raises `UnpicklableNodesError`, `WorkerImportError`, `UnserialisableDataError` and `UnreadableResultError` for
    what cannot be sent, and `WorkerDiedError` where a process is killed.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        super().__init__(is_async=is_async)
        self._max_workers = worker_count(max_workers)
        if os.name == "nt":
            self._max_workers = min(self._max_workers, _MAX_WORKERS_ON_WINDOWS)
        self._pool: WorkerPool | None = None

    def using(self, pool: WorkerPool) -> Self:
        runner = copy.copy(self)
        runner._pool = pool
        return runner

    @contextmanager
    def _calling(self, pipeline: Pipeline, workers: int) -> Iterator[NodeCalls]:
        _check_nodes(pipeline)
        with nullcontext(self._pool) if self._pool is not None else closing(WorkerPool()) as pool:
            calls = _WorkerCalls(pool, wanted=workers)
            yield NodeCalls(call=calls.call, interrupt=calls.interrupt)

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        """One thread waits for each process."""
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-process")


class _WorkerCalls:
    """Calls the functions of one run in other processes."""

    def __init__(self, pool: WorkerPool, *, wanted: int) -> None:
        self._pool = pool
        self._wanted = wanted
        self._busy: set[Worker] = set()
        self._is_interrupted = False

    def call(self, node: Node, inputs: dict[str, Any]) -> Any:
        """Return what the node returns, or raise what it raises; a generator makes each chunk when it is asked for."""
        if node.is_async:
            return call_node(node, inputs)
        request = encode_request(node, inputs)
        if node.is_generator:
            return self._chunks(node, request)
        with self._worker() as worker:
            return _value(worker.request(request, node))

    def interrupt(self) -> None:
        """Kill the processes that work for this run."""
        self._is_interrupted = True
        for worker in tuple(self._busy):
            worker.kill()

    def _chunks(self, node: Node, request: bytes) -> Generator[Any, None, None]:
        with self._worker() as worker:
            message = worker.request(request, node)
            while isinstance(message, GeneratorChunk):
                try:
                    yield message.value
                except GeneratorExit:
                    with suppress(WorkerDiedError):
                        worker.request(CLOSE_GENERATOR, node)
                    raise
                message = worker.request(NEXT_CHUNK, node)
            _value(message)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        with self._pool.lease(wanted=self._wanted) as worker:
            self._busy.add(worker)
            try:
                if self._is_interrupted:
                    raise KeyboardInterrupt
                yield worker
            finally:
                self._busy.discard(worker)


def _value(message: GeneratorChunk | Response) -> Any:
    assert isinstance(message, Response), "only generators send chunks"
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
