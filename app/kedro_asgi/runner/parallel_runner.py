"""Run the functions of nodes in other processes."""

import copy
import os
import threading
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from multiprocessing.managers import SyncManager
from typing import Any, Self

from kedro_asgi.errors import UnpicklableNodesError, WorkerDiedError
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.graph import worker_count
from kedro_asgi.runner.messages import (
    CLOSE_GENERATOR,
    NEXT_CHUNK,
    SAVE,
    GeneratorChunk,
    Response,
    encode,
    encode_call,
    encode_save,
    is_picklable,
    value_of,
)
from kedro_asgi.runner.process_state import ProcessState
from kedro_asgi.runner.remote_datasets import KeptOutput, RemoteDataset, can_be_remote
from kedro_asgi.runner.runner import AbstractRunner, NodeCalls
from kedro_asgi.runner.task import call_node
from kedro_asgi.runner.worker_pool import WorkerPool
from kedro_asgi.runner.worker_process import WorkerProcess

_MAX_WORKERS_ON_WINDOWS = 61


class ParallelRunnerManager(SyncManager):
    """The manager that keeps the data of `SharedMemoryDataset`, for a project's own runners (RUN-35)."""


class ParallelRunner(AbstractRunner):
    """Runs nodes that do not depend on each other at a time, in up to ``max_workers`` processes.

    Only a node's function runs in another process; this process loads and saves datasets and calls hooks (Q-31),
    so any dataset will do, and it logs what the function logs. The other process loads and saves values that cannot be
    sent. Each call takes along the state of this process (`ProcessState`). The host's loop awaits ``async`` nodes. A
    session lends its worker pool; a runner used by itself has a pool for each run.

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
    def _calling(self, pipeline: Pipeline, catalog: DataCatalog, workers: int) -> Iterator[NodeCalls]:
        _check_nodes(pipeline)
        with nullcontext(self._pool) if self._pool is not None else closing(WorkerPool()) as pool:
            calls = _WorkerCalls(pool, catalog, wanted=workers)
            yield NodeCalls(call=calls.call, save=calls.save, end=calls.end, interrupt=calls.interrupt)

    def _get_executor(self, max_workers: int) -> ThreadPoolExecutor:
        """One thread waits for each process."""
        return ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="kedro-asgi-process")


class _WorkerCalls:
    """Calls the functions of one run in other processes.

    A node keeps its process while the process keeps outputs of it, at the latest until `end`.
    """

    def __init__(self, pool: WorkerPool, catalog: DataCatalog, *, wanted: int) -> None:
        self._pool = pool
        self._catalog = catalog
        self._wanted = wanted
        self._busy: set[WorkerProcess] = set()
        self._holders: dict[str, _OutputHolder] = {}
        self._is_interrupted = False

    def call(self, node: Node, inputs: dict[str, Any], replaced: Collection[str] = ()) -> Any:
        """Return what the node returns, or raise what it raises; a generator makes each chunk when it is asked for."""
        if node.is_async:
            return call_node(node, inputs)
        state = encode(ProcessState.current())
        request = encode_call(
            node,
            inputs,
            keepable=frozenset(name for name in node.outputs if can_be_remote(self._catalog, name)),
            find_dataset=lambda name: None if name in replaced else self._remote(name),
        )
        if node.is_generator:
            return self._chunks(node, state, request)
        with ExitStack() as lease:
            worker = lease.enter_context(self._worker())
            response = worker.request(state, request, node=node)
            if isinstance(response, Response) and response.keeps_outputs:
                self._holders[node.name] = _OutputHolder(worker, node, lease.pop_all())
                self._pool.note_waiting(worker)
        return value_of(response)

    def save(self, name: str, data: Any) -> None:
        """Save an output, in the process that keeps it or in this one."""
        match data:
            case KeptOutput():
                request = encode_save(data, RemoteDataset.of(self._catalog, name))
                # Before, since a save that fails may have written a part.
                self._catalog.mark_changed(name)
                self._holders[data.node].save(request)
                self._catalog.mark_saved(name)
            case _:
                self._catalog.save(name, data)

    def end(self, node: Node) -> None:
        """Give back the process of a node whose turn is over."""
        holder = self._holders.pop(node.name, None)
        if holder is not None:
            holder.lease.close()

    def interrupt(self) -> None:
        """Kill the processes that work for this run."""
        self._is_interrupted = True
        for worker in tuple(self._busy):
            worker.kill()

    def _remote(self, name: str) -> RemoteDataset | None:
        return RemoteDataset.of(self._catalog, name) if can_be_remote(self._catalog, name) else None

    def _chunks(self, node: Node, state: bytes, request: bytes) -> Generator[Any, None, None]:
        with self._worker() as worker:
            self._holders[node.name] = _OutputHolder(worker, node, ExitStack())
            message = worker.request(state, request, node=node)
            if isinstance(message, GeneratorChunk):
                self._pool.note_waiting(worker)
            while isinstance(message, GeneratorChunk):
                try:
                    yield message.value
                except GeneratorExit:
                    with suppress(WorkerDiedError):
                        worker.request(CLOSE_GENERATOR, node=node)
                    raise
                message = worker.request(NEXT_CHUNK, node=node)
            value_of(message)

    @contextmanager
    def _worker(self) -> Iterator[WorkerProcess]:
        with self._pool.lease(wanted=self._wanted) as worker:
            self._busy.add(worker)
            try:
                if self._is_interrupted:
                    raise KeyboardInterrupt
                yield worker
            finally:
                self._busy.discard(worker)


class _OutputHolder:
    """A process that keeps outputs of a node; any thread of the node may save them."""

    def __init__(self, worker: WorkerProcess, node: Node, lease: ExitStack) -> None:
        self.lease = lease
        self._worker = worker
        self._node = node
        self._lock = threading.Lock()

    def save(self, request: bytes) -> None:
        """Save an output there; raises what that raises."""
        with self._lock:
            value_of(self._worker.request(SAVE, request, node=self._node))


def _check_nodes(pipeline: Pipeline) -> None:
    if unpicklable := [node for node in pipeline.nodes if not (node.is_async or is_picklable(node))]:
        raise UnpicklableNodesError([repr(node) for node in unpicklable])
