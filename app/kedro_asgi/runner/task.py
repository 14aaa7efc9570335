"""One node's turn in a run: load, call, save, confirm."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import Any

from kedro_asgi.errors import AsyncGeneratorNodeError, RunStoppedError
from kedro_asgi.events import DatasetSaved, NodeCancelled, NodeFailed, NodeFinished, NodeStarted
from kedro_asgi.hooks import RunHooks, merge_replacements
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node
from kedro_asgi.redaction import redact
from kedro_asgi.runner.awaiting import await_here
from kedro_asgi.runner.stopping import STOP

_log = logging.getLogger(__name__)

Calling = Callable[[Node, dict[str, Any]], Any]


def call_node(node: Node, inputs: dict[str, Any]) -> Any:
    """Call the node's function in this thread; an ``async def`` one on the host's event loop."""
    result = node.call(inputs)
    return await_here(result) if node.is_async else result


class Task:
    """Runs one node on a catalog in the order of RUN-13, telling hooks and events what happens.

    ``calling`` is how the function itself is called: here, or in another process.
    """

    def __init__(
        self,
        node: Node,
        catalog: DataCatalog,
        hooks: RunHooks,
        run_id: str | None,
        *,
        is_async: bool = False,
        calling: Calling = call_node,
    ) -> None:
        self.node = node
        self._catalog = catalog
        self._hooks = hooks
        self._run_id = run_id
        self._is_async = is_async
        self._calling = calling

    def execute(self) -> Node:
        """Run the node and return it; raises what it, a dataset or a hook raised, `RunStoppedError` if asked to."""
        if (stop := STOP.get()) is not None:
            stop.check()
        self._tell()
        if self._hooks.completed is not None:
            self._hooks.completed(self.node)
        return self.node

    def _tell(self) -> None:
        """Execute the node between the events that tell of it."""
        emit = self._hooks.emit
        if emit is None:
            self._execute()
            return
        started, name = perf_counter(), self.node.name
        emit(NodeStarted(run_id=self._run_id, node=name))
        try:
            self._execute()
        except RunStoppedError:
            emit(NodeCancelled(run_id=self._run_id, node=name, duration_ms=_since(started)))
            raise
        except BaseException:
            emit(NodeFailed(run_id=self._run_id, node=name, duration_ms=_since(started)))
            raise
        emit(NodeFinished(run_id=self._run_id, node=name, duration_ms=_since(started)))

    def _execute(self) -> None:
        node = self.node
        if self._is_async:
            self._execute_async()
            return
        inputs = {name: self._load(name) for name in node.inputs}
        outputs = self._run_function(inputs)
        if node.is_generator:
            self._save_chunks(inputs, outputs)
        else:
            for name, data in outputs.items():
                self._save(name, data)
        for name in node.confirms:
            self._catalog.confirm(name)

    def _execute_async(self) -> None:
        """Load all inputs at a time, then save all outputs at a time (RUN-19, RUN-20)."""
        if self.node.is_generator:
            raise AsyncGeneratorNodeError(self.node.name)
        with ThreadPoolExecutor() as pool:
            loads = {name: _submit(pool, self._load, name) for name in self.node.inputs}
            inputs = {name: future.result() for name, future in loads.items()}
            outputs = self._run_function(inputs)
            saves = [_submit(pool, self._save, name, data) for name, data in outputs.items()]
            for save in saves:
                save.result()
        for name in self.node.confirms:
            self._catalog.confirm(name)

    def _load(self, name: str) -> Any:
        hooks = self._hooks
        if hooks.before_dataset_loaded is not None:
            hooks.before_dataset_loaded(dataset_name=name, node=self.node)
        data = self._catalog.load(name)
        if hooks.after_dataset_loaded is not None:
            hooks.after_dataset_loaded(dataset_name=name, data=data, node=self.node)
        return data

    def _save(self, name: str, data: Any) -> None:
        hooks = self._hooks
        if hooks.before_dataset_saved is not None:
            hooks.before_dataset_saved(dataset_name=name, data=data, node=self.node)
        self._catalog.save(name, data)
        if hooks.emit is not None:
            hooks.emit(self._saved(name))
        if hooks.after_dataset_saved is not None:
            hooks.after_dataset_saved(dataset_name=name, data=data, node=self.node)

    def _run_function(self, inputs: dict[str, Any]) -> dict[str, Any]:
        hooks = self._hooks
        if hooks.before_node_run is not None:
            # A copy: replacing keys must go through the return value (HOOK-12).
            answers = hooks.before_node_run(inputs=dict(inputs), **self._facts())
            inputs.update(merge_replacements(answers))
        if _log.isEnabledFor(logging.INFO):
            _log.info("Running node: %s", self.node)
        try:
            self.node.check(inputs)
            outputs = self.node.unpack(self._calling(self.node, inputs))
        except RunStoppedError:
            raise
        except Exception as error:
            self._report(error, inputs)
            raise
        if hooks.after_node_run is not None:
            hooks.after_node_run(inputs=inputs, outputs=outputs, **self._facts())
        return outputs

    def _save_chunks(self, inputs: dict[str, Any], outputs: Mapping[str, Any]) -> None:
        """Save a generator's outputs chunk by chunk as they come (RUN-15); its errors are the node's (Q-28)."""
        for chunk in self._chunks(inputs, outputs):
            for name, data in zip(outputs, chunk, strict=True):
                self._save(name, data)

    def _chunks(self, inputs: dict[str, Any], outputs: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        try:
            yield from zip(*outputs.values(), strict=False)
        except Exception as error:
            self._report(error, inputs)
            raise

    def _report(self, error: Exception, inputs: dict[str, Any]) -> None:
        _log.error("Node %s failed with error: \n%s", self.node, redact(str(error)))
        if self._hooks.on_node_error is not None:
            self._hooks.on_node_error(error=error, inputs=inputs, **self._facts())

    def _saved(self, name: str) -> DatasetSaved:
        is_kept = not getattr(self._catalog[name], "_EPHEMERAL", False)
        return DatasetSaved(run_id=self._run_id, dataset=name, node=self.node.name, is_kept=is_kept)

    def _facts(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "catalog": self._catalog,
            "is_async": self._is_async,
            "run_id": self._run_id,
        }


def _submit(pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Submit with the caller's context, so that what belongs to a run is also known in its threads."""
    return pool.submit(copy_context().run, function, *args)


def _since(started: float) -> float:
    return (perf_counter() - started) * 1000
