"""One node's turn in a run: load, call, save, confirm."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextvars import copy_context
from time import perf_counter
from typing import Any

from kedro_asgi.errors import AsyncGeneratorNodeError, RunStoppedError
from kedro_asgi.events import DatasetSaved, Emit, NodeCancelled, NodeFailed, NodeFinished, NodeStarted
from kedro_asgi.hooks import HookManager, RunHooks, merge_replacements
from kedro_asgi.io import DataCatalog
from kedro_asgi.io.dataset_protocols import is_persistent
from kedro_asgi.pipeline import Node
from kedro_asgi.redaction import redact
from kedro_asgi.runner.async_nodes import await_here, drawn
from kedro_asgi.runner.stopping import STOP

# Where Kedro's users look for what nodes say (RUN-12).
_log = logging.getLogger("kedro_asgi.pipeline.node")

Calling = Callable[[Node, dict[str, Any]], Any]


def call_node(node: Node, inputs: dict[str, Any]) -> Any:
    """Call the node's function in this thread; an ``async def`` one on the host's event loop."""
    result = node.call(inputs)
    if not node.is_async:
        return result
    return drawn(result) if node.is_generator else await_here(result)


class Task:
    """Runs one node on a catalog in the order of RUN-13, telling hooks and events what happens.

    ``calling`` is how the function itself is called: here, or in another process.
    """

    def __init__(
        self,
        node: Node,
        catalog: DataCatalog,
        is_async: bool = False,
        hook_manager: HookManager = None,
        run_id: str | None = None,
        *,
        calling: Calling = call_node,
    ) -> None:
        self.node = node
        self._catalog = catalog
        self._hooks = RunHooks.of(hook_manager)
        self._run_id = run_id
        self._is_async = is_async
        self._calling = calling
        self._result: Any = None
        self._told: set[str] = set()

    def execute(self) -> Node:
        """Run the node and return it; raises what it, a dataset or a hook raised, `RunStoppedError` if asked to."""
        if (stop := STOP.get()) is not None:
            stop.check()
        if self._hooks.emit is None:
            self._execute()
        else:
            self._tell(self._hooks.emit)
        if self._hooks.completed is not None:
            self._hooks.completed(self.node)
        return self.node

    def _tell(self, emit: Emit) -> None:
        """Execute the node between the events that tell of it."""
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
        if node.is_generator:
            self._run_generator(inputs)
        else:
            for name, data in self._run_function(inputs).items():
                self._save(name, data)
        for name in node.confirms:
            self._catalog.confirm(name)

    def _execute_async(self) -> None:
        """Load all inputs at a time, then save all outputs at a time (RUN-19, RUN-20)."""
        if self.node.is_generator:
            raise AsyncGeneratorNodeError(self.node.name)
        with ThreadPoolExecutor() as pool:
            loads = [(name, _submit(pool, self._load, name)) for name in self.node.inputs]
            outputs = self._run_function({name: load.result() for name, load in loads})
            self._save_at_once(pool, outputs)
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
        self._before_save(name, data)
        self._catalog.save(name, data)
        self._after_save(name, data)

    def _save_at_once(self, pool: ThreadPoolExecutor, outputs: Mapping[str, Any]) -> None:
        """Hooks are told in this thread: before in the order of outputs, after as each is saved (RUN-20)."""
        saves = {}
        for name, data in outputs.items():
            self._before_save(name, data)
            saves[_submit(pool, self._catalog.save, name, data)] = name
        for save in as_completed(saves):
            save.result()
            self._after_save(saves[save], outputs[saves[save]])

    def _before_save(self, name: str, data: Any) -> None:
        if self._hooks.before_dataset_saved is not None:
            self._hooks.before_dataset_saved(dataset_name=name, data=data, node=self.node)

    def _after_save(self, name: str, data: Any) -> None:
        if self._hooks.emit is not None and name not in self._told:
            # Once: a generator saves each of its items, and there may be millions.
            self._told.add(name)
            self._hooks.emit(self._saved(name))
        if self._hooks.after_dataset_saved is not None:
            self._hooks.after_dataset_saved(dataset_name=name, data=data, node=self.node)

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
            self._result = self._calling(self.node, inputs)
            outputs = self.node.unpack(self._result)
        except RunStoppedError:
            raise
        except Exception as error:
            self._report(error, inputs)
            raise
        if hooks.after_node_run is not None:
            hooks.after_node_run(inputs=inputs, outputs=outputs, **self._facts())
        return outputs

    def _run_generator(self, inputs: dict[str, Any]) -> None:
        """Save the outputs chunk by chunk as they come (RUN-15), and end the generator, however far it came."""
        try:
            outputs = self._run_function(inputs)
            for chunk in self._chunks(outputs, inputs):
                for name, data in zip(outputs, chunk, strict=True):
                    self._save(name, data)
        finally:
            if self._result is not None:
                self._result.close()

    def _chunks(self, outputs: Mapping[str, Any], inputs: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Draw the chunks; errors of a generator on its way are the node's (Q-28)."""
        try:
            yield from zip(*outputs.values(), strict=False)
        except RunStoppedError:
            raise
        except Exception as error:
            self._report(error, inputs)
            raise

    def _report(self, error: Exception, inputs: dict[str, Any]) -> None:
        _log.error("Node %s failed with error: \n%s", self.node, redact(str(error)))
        if self._hooks.on_node_error is not None:
            self._hooks.on_node_error(error=error, inputs=inputs, **self._facts())

    def _saved(self, name: str) -> DatasetSaved:
        is_kept = is_persistent(self._catalog[name])
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
