"""One node's turn in a run: load, call, save, confirm."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any

from kedro_asgi.errors import AsyncGeneratorNodeError, RunStoppedError, describe_error
from kedro_asgi.errors.wording import indented
from kedro_asgi.events import (
    DatasetSaved,
    Emit,
    Event,
    EventClock,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeStarted,
)
from kedro_asgi.failures import note_last_attempt, note_node, shown
from kedro_asgi.hooks import HookManager, RunHooks, merge_replacements
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node
from kedro_asgi.pipeline.steps import Step
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.async_nodes import await_in_thread, iterate_in_thread
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, ChunkStream
from kedro_asgi.runner.remote_datasets import KeptOutput
from kedro_asgi.runner.retrying import NodeAttempts, NodeRetries
from kedro_asgi.runner.stopping import STOP_SIGNAL

# Kedro's users configure the log lines of nodes by this name.
_log = logging.getLogger("kedro_asgi.pipeline.node")

CallNode = Callable[[Node, dict[str, Any], Collection[str]], Any]
"""Calls a node's function with its inputs; hooks have replaced those that are named last."""


def call_node(node: Node, inputs: dict[str, Any], replaced: Collection[str] = ()) -> Any:
    """Call the node's function in this thread; an ``async def`` one on the host's event loop."""
    result = node.call(inputs)
    if not node.is_async:
        return result
    return iterate_in_thread(result) if node.is_generator else await_in_thread(result)


def bound_hooks(hook_manager: HookManager) -> RunHooks:
    """Return the hooks of a manager; a session has bound them already, once for all its runs."""
    return hook_manager if isinstance(hook_manager, RunHooks) else RunHooks.of(hook_manager)


class NodeRunner:
    """Runs the nodes of one run on a catalog; any thread of the run may use it.

    ``call`` calls the function itself, and ``save`` saves an output: here, or in another process. ``end`` is called
    when the turn of a node is over.
    """

    def __init__(
        self,
        catalog: DataCatalog,
        hooks: RunHooks,
        run_id: str | None,
        *,
        is_async: bool,
        save: Callable[[str, Any], None] | None = None,
        call: CallNode = call_node,
        end: Callable[[Node], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._hooks = hooks
        self._run_id = run_id
        self._is_async = is_async
        self._call = call
        self._end = end
        self._emit = hooks.emit
        self._clock = EventClock()
        self._stop = STOP_SIGNAL.get()
        self._save = save or catalog.save
        # Without hooks to call, a load is one call into the catalog, and so is a save.
        self._load = None if hooks.shows_loads else catalog.load
        self._has_save_hooks = hooks.shows_saves

    def run(self, step: Step) -> None:
        """Run a node; raises what it, a dataset or a hook raised, `RunStoppedError` if the run was asked to stop."""
        self._raise_if_stopped()
        token = CURRENT_NODE.set(step.name)
        try:
            if self._hooks.retries is not None:
                self._run_with_retries(step, self._hooks.retries)
            elif self._emit is None:
                self._run(step)
            else:
                self._run_and_emit(step, self._emit)
        except BaseException as error:
            note_node(error, step.name)
            raise
        finally:
            CURRENT_NODE.reset(token)
            if self._end is not None:
                self._end(step.node)
        if self._hooks.node_done is not None:
            self._hooks.node_done(step.node)

    def _run_with_retries(self, step: Step, retries: NodeRetries) -> None:
        emit, policy = self._emit or ignore_event, retries.policy_of(step.node)
        if policy is None:
            self._run_and_emit(step, emit)
            return
        attempts = NodeAttempts(
            step=step,
            run=self._run,
            end=self._end,
            catalog=self._catalog,
            policy=policy,
            retries=retries,
            emit=emit,
            run_id=self._run_id,
        )
        attempts.make()

    def _run_and_emit(self, step: Step, emit: Emit) -> None:
        started, run_id, name, clock = perf_counter(), self._run_id, step.name, self._clock
        emit(NodeStarted(run_id=run_id, node=name, at=clock.now()))
        try:
            self._run(step)
        except RunStoppedError:
            duration_ms, at = clock.since(started)
            emit(NodeCancelled(run_id=run_id, node=name, duration_ms=duration_ms, at=at))
            raise
        except BaseException:
            duration_ms, at = clock.since(started)
            emit(NodeFailed(run_id=run_id, node=name, duration_ms=duration_ms, at=at))
            raise
        duration_ms, at = clock.since(started)
        emit(NodeFinished(run_id=run_id, node=name, duration_ms=duration_ms, at=at))

    def _run(self, step: Step) -> None:
        if self._is_async:
            self._load_and_save_at_once(step)
        else:
            load = self._load or partial(self._load_for, step)
            inputs = {}
            for name in step.inputs:
                inputs[name] = load(name)
            if step.node.is_generator:
                self._run_generator(step, inputs)
            else:
                self._save_outputs(step, self._run_function(step, inputs))
        for name in step.confirms:
            self._catalog.confirm(name)

    def _load_and_save_at_once(self, step: Step) -> None:
        """Load all inputs at a time, then save all outputs at a time."""
        if step.node.is_generator:
            raise AsyncGeneratorNodeError(step.name)
        with ThreadPoolExecutor() as pool:
            loads = [(name, _submit(pool, self._load_for, step, name)) for name in step.inputs]
            outputs = self._run_function(step, {name: load.result() for name, load in loads})
            self._save_at_once(pool, step, outputs)

    def _load_for(self, step: Step, name: str) -> Any:
        hooks = self._hooks
        if hooks.before_dataset_loaded is not None:
            hooks.before_dataset_loaded(dataset_name=name, node=step.node)
        data = self._catalog.load(name)
        if hooks.after_dataset_loaded is not None:
            hooks.after_dataset_loaded(dataset_name=name, data=data, node=step.node)
        return data

    def _save_outputs(self, step: Step, outputs: Mapping[str, Any]) -> None:
        if self._has_save_hooks:
            for name, data in outputs.items():
                self._save_for(step, name, data)
            return
        for name, data in outputs.items():
            self._save(name, data)
            if self._emit is not None:
                self._emit(self._saved(step, name))

    def _save_for(self, step: Step, name: str, data: Any, *, is_first: bool = True) -> None:
        self._before_save(step, name, data)
        self._save(name, data)
        self._after_save(step, name, data, is_first=is_first)

    def _save_at_once(self, pool: ThreadPoolExecutor, step: Step, outputs: Mapping[str, Any]) -> None:
        """This thread calls the hooks: before in the order of outputs, after as each is saved (RUN-20)."""
        saves = {}
        for name, data in outputs.items():
            self._before_save(step, name, data)
            saves[_submit(pool, self._save, name, data)] = name
        for save in as_completed(saves):
            save.result()
            self._after_save(step, saves[save], outputs[saves[save]])

    def _before_save(self, step: Step, name: str, data: Any) -> None:
        if self._hooks.before_dataset_saved is not None:
            self._hooks.before_dataset_saved(dataset_name=name, data=data, node=step.node)

    def _after_save(self, step: Step, name: str, data: Any, *, is_first: bool = True) -> None:
        if is_first and self._emit is not None:
            # Once: a generator saves each of its items, and there may be millions.
            self._emit(self._saved(step, name))
        if self._hooks.after_dataset_saved is not None:
            self._hooks.after_dataset_saved(dataset_name=name, data=data, node=step.node)

    def _run_function(self, step: Step, inputs: dict[str, Any], opened: ExitStack | None = None) -> dict[str, Any]:
        """Return the outputs by name; ``opened`` closes the generator that the function returns."""
        hooks, node = self._hooks, step.node
        replaced = () if hooks.before_node_run is None else self._replace_inputs(node, inputs)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Running node: %s", node)
        try:
            if replaced:
                node.check(inputs)
            result = self._call(node, inputs, replaced)
            if opened is not None:
                opened.callback(result.close)
            outputs = node.unpack(result)
        except RunStoppedError:
            raise
        except Exception as error:
            self._report(node, error, inputs)
            raise
        if hooks.after_node_run is not None:
            hooks.after_node_run(inputs=inputs, outputs=outputs, **self._facts(node))
        return outputs

    def _replace_inputs(self, node: Node, inputs: dict[str, Any]) -> Collection[str]:
        """Call ``before_node_run``, put its values into ``inputs`` and return their names."""
        assert self._hooks.before_node_run is not None
        # A copy: replacing keys must go through the return value (HOOK-12).
        replaced = merge_replacements(self._hooks.before_node_run(inputs=dict(inputs), **self._facts(node)))
        inputs.update(replaced)
        return replaced

    def _raise_if_stopped(self) -> None:
        if self._stop is not None and self._stop.reason is not None:
            raise self._stop.reason

    def _run_generator(self, step: Step, inputs: dict[str, Any]) -> None:
        """Save the outputs chunk by chunk as they come (RUN-15), and close the generator, however far it came."""
        number, stream = 0, CHUNK_STREAM.get()
        save = self._save_for if stream is None else partial(self._save_and_give, stream)
        try:
            with ExitStack() as opened:
                outputs = self._run_function(step, inputs, opened)
                for number, chunk in enumerate(self._chunks(step, outputs, inputs), 1):
                    for name, data in zip(outputs, chunk, strict=True):
                        save(step, name, data, is_first=number == 1)
                    self._raise_if_stopped()
        except Exception as error:
            # A dataset may append what it is given, so chunks that are saved must not come again.
            if number and self._hooks.retries is not None:
                note_last_attempt(error)
            raise

    def _save_and_give(self, stream: ChunkStream, step: Step, name: str, data: Any, *, is_first: bool) -> None:
        """Save a chunk, and give it to the reader of the run: nothing reaches the reader that is not saved."""
        self._save_for(step, name, data, is_first=is_first)
        if isinstance(data, KeptOutput):
            stream.refuse(name, f"A value of type '{data.type}' cannot leave the process that made it")
        else:
            stream.put(name, data)

    def _chunks(self, step: Step, outputs: Mapping[str, Any], inputs: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Draw the chunks; an error of a generator on its way is the node's (Q-28)."""
        try:
            yield from zip(*outputs.values(), strict=False)
        except RunStoppedError:
            raise
        except Exception as error:
            self._report(step.node, error, inputs)
            raise

    def _report(self, node: Node, error: Exception, inputs: dict[str, Any]) -> None:
        _log.error("Node %s failed with error: \n%s", node, indented(shown(describe_error(error)[1])))
        if self._hooks.on_node_error is not None:
            self._hooks.on_node_error(error=error, inputs=inputs, **self._facts(node))

    def _saved(self, step: Step, name: str) -> DatasetSaved:
        is_kept = self._catalog.is_persistent(name)
        return DatasetSaved(run_id=self._run_id, dataset=name, node=step.name, is_kept=is_kept, at=self._clock.now())

    def _facts(self, node: Node) -> dict[str, Any]:
        return {"node": node, "catalog": self._catalog, "is_async": self._is_async, "run_id": self._run_id}


class TracedNodeRunner(NodeRunner):
    """Makes a span of each attempt of a node."""

    def _run(self, step: Step) -> None:
        self._hooks.spans.run(step, super()._run)


def node_runner_class(hooks: RunHooks) -> type[NodeRunner]:
    """Return the class that runs the nodes of a run: one without tracing has no trace of it in its code."""
    return NodeRunner if hooks.spans is None else TracedNodeRunner


class Task:
    """Runs one node on a catalog; for runners of a project's own.

    ``parallel`` tells Kedro that another process executes the task; here that makes no difference.
    """

    def __init__(
        self,
        node: Node,
        catalog: DataCatalog,
        is_async: bool = False,
        hook_manager: HookManager = None,
        run_id: str | None = None,
        parallel: bool = False,
    ) -> None:
        self.node = node
        self._hooks = bound_hooks(hook_manager)
        self._catalog = catalog
        self._is_async = is_async
        self._run_id = run_id

    def execute(self) -> Node:
        """Run the node and return it; raises what `NodeRunner.run` raises."""
        kind = node_runner_class(self._hooks)
        kind(self._catalog, self._hooks, self._run_id, is_async=self._is_async).run(Step.of(self.node))
        return self.node


def _submit(pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Submit with the caller's context, so that what belongs to a run is also known in its threads."""
    return pool.submit(copy_context().run, function, *args)


def ignore_event(event: Event) -> None:
    """Take an event of a run whose events no caller reads."""
