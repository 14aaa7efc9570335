"""One run on a cluster: its nodes there, and the data that they have left there."""

import operator
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from typing import Any

from kedro_asgi.errors import AsyncGeneratorNodeError, UnserialisableDataError
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node
from kedro_asgi.pipeline.steps import Step, Steps
from kedro_asgi.runner.cluster.cluster import Cluster
from kedro_asgi.runner.cluster.node_call import NodeCall, NodeWithdrawnError
from kedro_asgi.runner.cluster.pickling import dumps
from kedro_asgi.runner.cluster.placement import Placement
from kedro_asgi.runner.cluster.requests import (
    FunctionCallRequest,
    GivenInput,
    Input,
    StoredInput,
    TurnRequest,
)
from kedro_asgi.runner.cluster.worker import run_node
from kedro_asgi.runner.messages import CLOSE_GENERATOR, NEXT_CHUNK, GeneratorChunk, Response, value_of
from kedro_asgi.runner.stopping import STOP_SIGNAL
from kedro_asgi.trace_context import current_trace_headers


class ClusterRun:
    """The nodes of one run on the workers of a cluster; any thread of the run may use it."""

    def __init__(
        self, cluster: Cluster, steps: Steps, catalog: DataCatalog, placement: Placement, *, setup: bytes
    ) -> None:
        self._cluster = cluster
        self._steps = steps
        self._catalog = catalog
        self._placement = placement
        self._setup = setup
        self._stored: dict[str, Any] = {}
        self._calls: set[NodeCall] = set()
        self._lock = threading.Lock()
        self._has_failed = False
        self._is_withdrawn = False

    def take_turn(
        self,
        step: Step,
        replaced: Mapping[str, Any],
        *,
        run_id: str | None,
        is_async: bool,
        has_retries: bool,
        began: Callable[[str], None],
        saved: Callable[[str], None] | None,
    ) -> Response:
        """Let a worker load, call and save for a node, and return its response; hooks give the inputs ``replaced``.

        ``began`` is called with the name of the node when a worker takes it, ``saved`` with that of each saved output.
        """
        tasks: list[Any] = []
        given = self._given_inputs(step, replaced, is_async=is_async)
        inputs = {name: self._input(name, given, tasks) for name in dict.fromkeys((*step.inputs, *given))}
        in_memory = [name for name in step.outputs if self._placement.is_in_memory(name)]
        kept = tuple(name for name in in_memory if self._steps.consumers.get(name))
        request = TurnRequest(
            node=step.node,
            inputs=inputs,
            outputs={name: None if name in in_memory else self._placement.remote(name) for name in step.outputs},
            kept=kept,
            returned=frozenset(name for name in in_memory if self._is_returned(name)),
            run_id=run_id,
            is_async=is_async,
            has_retries=has_retries,
            is_followed=saved is not None,
            trace_context=current_trace_headers(),
        )
        data = _encoded(request, given)
        with self._call(step.node, data, tasks) as (call, task):
            began(step.name)
            response = call.receive(saved)
            assert isinstance(response, Response)
            if response.error is None and self._store(task, kept):
                call.keep_result()
            return response

    def call(self, node: Node, inputs: dict[str, Any], replaced: Collection[str] = ()) -> Any:
        """Return what a node's function returns on a worker; a generator makes each chunk when it is asked for."""
        request = FunctionCallRequest(node=node, inputs=inputs, trace_context=current_trace_headers())
        data = _encoded(request, inputs)
        if node.is_generator:
            return self._chunks(node, data)
        with self._call(node, data) as (call, _):
            return value_of(call.receive())

    def bring(self, names: Sequence[str]) -> None:
        """Put data that is on the cluster into the catalog of this process."""
        for name in names:
            task = self._stored.get(name)
            if task is not None:
                self._placement.memory(name).replace_data(self._cluster.client.gather(task, direct=True))

    def release(self, name: str) -> None:
        """Drop a dataset that no node needs any more."""
        if (task := self._stored.pop(name, None)) is not None:
            task.release()
        self._catalog.release(name)

    def refuse(self) -> None:
        """Let no further node start: one has failed."""
        with self._lock:
            self._has_failed = True
            calls = tuple(self._calls)
        for call in calls:
            call.refuse()

    def withdraw(self) -> None:
        """Let no thread wait for the start of its node any more."""
        self.refuse()
        self._is_withdrawn = True
        for call in self._active():
            call.withdraw(NodeWithdrawnError())

    def interrupt(self) -> None:
        """End all conversations of this run with workers."""
        for call in self._active():
            call.interrupt()

    def close(self) -> None:
        """Drop the data that is still on the cluster."""
        # Not by dropping references: the traceback of a failure has some.
        while self._stored:
            self._stored.popitem()[1].release()

    def _active(self) -> tuple[NodeCall, ...]:
        with self._lock:
            return tuple(self._calls)

    def _given_inputs(self, step: Step, replaced: Mapping[str, Any], *, is_async: bool) -> dict[str, Any]:
        """Return the inputs of a node that only this process has: at a time if ``is_async``."""
        here = [
            name
            for name in step.inputs
            if not (name in replaced or name in self._stored or self._placement.is_remote(name))
        ]
        if not is_async or len(here) < 2:
            return {**{name: self._catalog.load(name) for name in here}, **replaced}
        if step.node.is_generator:
            raise AsyncGeneratorNodeError(step.name)
        with ThreadPoolExecutor() as pool:
            loads = {name: pool.submit(copy_context().run, self._catalog.load, name) for name in here}
        return {**{name: load.result() for name, load in loads.items()}, **replaced}

    def _input(self, name: str, given: Mapping[str, Any], tasks: list[Any]) -> Input:
        """Return an input of a request; data on the cluster is added to ``tasks``."""
        if name in given:
            return GivenInput(value=given[name])
        if (task := self._stored.get(name)) is None:
            return self._placement.remote(name)
        tasks.append(task)
        return StoredInput(position=len(tasks) - 1, copy_mode=self._placement.copy_mode(name))

    def _chunks(self, node: Node, data: bytes) -> Generator[Any, None, None]:
        with self._call(node, data) as (call, _):
            message = call.receive()
            while isinstance(message, GeneratorChunk):
                try:
                    yield message.value
                except GeneratorExit:
                    call.send(CLOSE_GENERATOR)
                    call.receive()
                    raise
                call.send(NEXT_CHUNK)
                message = call.receive()
            value_of(message)

    @contextmanager
    def _call(self, node: Node, request: bytes, inputs: Sequence[Any] = ()) -> Iterator[tuple[NodeCall, Any]]:
        """Submit a node that needs the data of the tasks ``inputs``, and wait until a worker has it.

        Yields the call, and the task of the node, which the block ends with unless `_store` notes it.
        """
        call, client = NodeCall(node, self._setup, request), self._cluster.client
        with self._lock:
            self._calls.add(call)
            # A node that is refused waits for `withdraw`: by then, the run knows which node has failed first.
            if self._has_failed:
                call.refuse()
            if self._is_withdrawn:
                call.withdraw(NodeWithdrawnError())
        contact = self._cluster.listener.expect(node.name, call.accept)
        key = f"{node.name}-{contact.token.hex()}"
        task: Any = client.submit(run_node, contact, *inputs, key=key, pure=False)
        stop = STOP_SIGNAL.get()
        try:
            with nullcontext() if stop is None else stop.on_stop(lambda: _stop_in_thread(call, stop.reason)):
                call.wait_for_worker(task)
                yield call, task
        finally:
            if not call.is_kept:
                task.release()
            with self._lock:
                self._calls.discard(call)
            self._cluster.listener.forget(contact)
            call.close()

    def _store(self, task: Any, kept: Sequence[str]) -> bool:
        """Note what a node leaves on the cluster, and tell whether it is ``task`` itself.

        Several outputs are tasks of their own, each with its own end.
        """
        if len(kept) == 1:
            self._stored[kept[0]] = task
            return True
        for place, name in enumerate(kept):
            key = f"{name}-{task.key.rpartition('-')[2]}"
            self._stored[name] = self._cluster.client.submit(operator.getitem, task, place, key=key, pure=False)
        return False

    def _is_returned(self, name: str) -> bool:
        return name in self._steps.free_outputs or self._placement.is_wanted(name)


def _stop_in_thread(call: NodeCall, reason: BaseException | None) -> None:
    """Stop a node from the event loop of the host, which must not wait for a connection."""
    assert reason is not None
    threading.Thread(target=call.stop, args=(reason,), name="kedro-asgi-cluster-stop", daemon=True).start()


def _encoded(request: TurnRequest | FunctionCallRequest, inputs: Mapping[str, Any]) -> bytes:
    """Return a request as bytes; raises `UnserialisableDataError` with the name of an input that cannot be sent."""
    try:
        return dumps(request)
    except Exception:  # values may raise anything when they are pickled
        for name, data in inputs.items():
            _check_input(name, data, request.node.name)
        raise


def _check_input(name: str, data: Any, node: str) -> None:
    try:
        dumps(data)
    except Exception as error:  # values may raise anything when they are pickled
        raise UnserialisableDataError(name, type(data), node) from error
