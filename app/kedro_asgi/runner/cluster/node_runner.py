"""The turns of nodes whose work a cluster does."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kedro_asgi.errors import RunStoppedError, WorkerDiedError
from kedro_asgi.failures import note_last_attempt
from kedro_asgi.hooks import RunHooks, merge_replacements
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline.steps import Step
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM
from kedro_asgi.runner.cluster.cluster_run import ClusterRun
from kedro_asgi.runner.cluster.placement import Placement
from kedro_asgi.runner.cluster.requests import TurnFailure
from kedro_asgi.runner.messages import Response
from kedro_asgi.runner.task import NodeRunner, TracedNodeRunner


class ClusterNodeRunner(NodeRunner):
    """Runs the nodes of one run; a worker takes the whole turn of a node where it can, else it calls the function."""

    def __init__(
        self,
        catalog: DataCatalog,
        hooks: RunHooks,
        run_id: str | None,
        *,
        is_async: bool,
        run: ClusterRun,
        placement: Placement,
        began: Callable[[str], None],
    ) -> None:
        super().__init__(catalog, hooks, run_id, is_async=is_async, call=run.call)
        self._cluster_run = run
        self._placement = placement
        self._began = began

    def run(self, step: Step) -> None:
        try:
            super().run(step)
        except BaseException:
            # At once: the thread of the run learns of it later, and workers may take nodes meanwhile.
            self._cluster_run.refuse()
            raise

    def _run(self, step: Step) -> None:
        try:
            self._run_where_possible(step)
        except RunStoppedError:
            # A worker does not know the reason.
            if self._stop is not None and self._stop.reason is not None:
                raise self._stop.reason from None
            raise

    def _run_where_possible(self, step: Step) -> None:
        if self._placement.has_whole_turn(step) and not _gives_chunks(step):
            self._take_turn(step)
        else:
            self._began(step.name)
            self._cluster_run.bring(step.inputs)
            super()._run(step)

    def _take_turn(self, step: Step) -> None:
        hooks, facts = self._hooks, self._facts(step.node)
        replaced = self._replaced(step, facts)
        remote = [name for name in step.outputs if not self._placement.is_in_memory(name)]
        for name in remote:
            # Before, since a save that fails may have written a part.
            self._catalog.mark_changed(name)
        try:
            response = self._cluster_run.take_turn(
                step,
                replaced,
                run_id=self._run_id,
                is_async=self._is_async,
                has_retries=hooks.retries is not None,
                began=self._began,
                saved=None if self._emit is None else partial(self._emit_saved, step),
            )
        except WorkerDiedError as error:
            # As with every runner, this counts as a failure of the function; no worker is left to report it.
            self._report(step.node, error, {})
            raise
        returned = self._returned(response, facts)
        if hooks.after_node_run is not None:
            hooks.after_node_run(inputs={}, outputs={}, **facts)
        for name in remote:
            self._catalog.mark_saved(name)
        self._keep(returned)
        for name in step.confirms:
            self._catalog.confirm(name)

    def _replaced(self, step: Step, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the inputs that ``before_node_run`` gives."""
        if self._hooks.before_node_run is None:
            return {}
        replaced = merge_replacements(self._hooks.before_node_run(inputs={}, **facts))
        if replaced:
            step.node.check(dict.fromkeys((*step.inputs, *replaced)))
        return replaced

    def _returned(self, response: Response, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the outputs that the worker sends back; raises what failed there."""
        try:
            returned: Mapping[str, Any] = response.value()
        except Exception as error:
            failure = response.result
            if isinstance(failure, TurnFailure):
                if failure.is_last_attempt:
                    note_last_attempt(error)
                if failure.is_of_function and self._hooks.on_node_error is not None:
                    self._hooks.on_node_error(error=error, inputs={}, **facts)
            raise
        return returned

    def _emit_saved(self, step: Step, name: str) -> None:
        assert self._emit is not None
        self._emit(self._saved(step, name))

    def _keep(self, returned: Mapping[str, Any]) -> None:
        for name, data in returned.items():
            self._placement.memory(name).replace_data(data)


def _gives_chunks(step: Step) -> bool:
    """Tell whether a reader wants the chunks of a node, which this process has to see then."""
    stream = CHUNK_STREAM.get()
    return stream is not None and step.node.is_generator and stream.wants(step.outputs)


class TracedClusterNodeRunner(TracedNodeRunner, ClusterNodeRunner):
    """Makes a span of each attempt of a node, which includes its wait for a worker."""
