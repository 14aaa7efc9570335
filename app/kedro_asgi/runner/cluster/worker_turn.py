"""The whole turn of a node on a worker of the cluster: its datasets are loaded and saved there."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import DatasetSaved, Event
from kedro_asgi.failures import is_last_attempt
from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Node
from kedro_asgi.pipeline.steps import Step
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.cluster.connection import Connection
from kedro_asgi.runner.cluster.inbox import Inbox
from kedro_asgi.runner.cluster.requests import (
    GivenInput,
    OutputSaved,
    StoredInput,
    TurnFailure,
    TurnRequest,
)
from kedro_asgi.runner.cluster.worker_calls import check_output
from kedro_asgi.runner.messages import Response, encode
from kedro_asgi.runner.remote_datasets import RemoteDataset
from kedro_asgi.runner.stopping import StopSignal
from kedro_asgi.runner.task import NodeRunner, call_node


class WorkerTurn:
    """The turn of one node; ``stored`` are the inputs that Dask passes."""

    def __init__(self, request: TurnRequest, stored: tuple[Any, ...], connection: Connection) -> None:
        self._request = request
        self._connection = connection
        self._in_memory = {
            name: MemoryDataset(copy_mode="assign") for name, output in request.outputs.items() if output is None
        }
        self._catalog = _TurnCatalog.of_request(request, stored, self._in_memory)

    def take(self) -> tuple[bytes, Any]:
        """Return the response, and what stays on the cluster: the outputs in memory that other nodes need.

        Several are a tuple, in the order of the request. Raises nothing that a node or a dataset raises.
        """
        request = self._request
        hooks = RunHooks(retries=request.has_retries or None, emit=self._send_saved if request.is_followed else None)
        nodes = _NodeRunner(self._catalog, hooks, request, self._connection)
        try:
            with Inbox(self._connection).open() if _can_stop(request.node) else nullcontext() as nodes.stop_signal:
                nodes.take_turn()
            values = {name: dataset._data for name, dataset in self._in_memory.items()}
            for name, data in values.items():
                check_output(name, data, request.node.name)
            return encode(Response(result=self._returned(values))), self._kept(values)
        except BaseException as error:
            failure = TurnFailure(is_of_function=nodes.has_function_failed, is_last_attempt=is_last_attempt(error))
            return encode(msgspec.structs.replace(Response.of_error(error), result=failure)), None

    def _send_saved(self, event: Event) -> None:
        if isinstance(event, DatasetSaved):
            self._connection.send(encode(OutputSaved(name=event.dataset)))

    def _returned(self, values: Mapping[str, Any]) -> dict[str, Any]:
        returned = self._request.returned
        return {name: data for name, data in values.items() if name in returned and data is not UNSET}

    def _kept(self, values: Mapping[str, Any]) -> Any:
        kept = tuple(values[name] for name in self._request.kept)
        return kept[0] if len(kept) == 1 else kept


class _TurnCatalog(DataCatalog):
    """The datasets of one node; inputs that came with the request are loaded, and belong to this turn alone."""

    given: Mapping[str, Any] = {}

    @classmethod
    def of_request(
        cls, request: TurnRequest, stored: tuple[Any, ...], in_memory: Mapping[str, MemoryDataset]
    ) -> "_TurnCatalog":
        """Return the catalog for a request; ``in_memory`` are outputs."""
        used = (*request.inputs.values(), *request.outputs.values())
        remote = {given.name: given for given in used if isinstance(given, RemoteDataset)}
        passed = {
            name: _stored_dataset(given, stored)
            for name, given in request.inputs.items()
            if isinstance(given, StoredInput)
        }
        made = cls({**passed, **{name: given.dataset for name, given in remote.items()}, **in_memory})
        made.given = {name: given.value for name, given in request.inputs.items() if isinstance(given, GivenInput)}
        for name, given in remote.items():
            made._set_validator(name, given.validator)
        return made

    def load(self, ds_name: str, version: str | None = None) -> Any:
        return self.given[ds_name] if ds_name in self.given else super().load(ds_name, version)


class _NodeRunner(NodeRunner):
    """Runs one node; the process of the run notes its state, makes its attempts and confirms its datasets."""

    def __init__(self, catalog: DataCatalog, hooks: RunHooks, request: TurnRequest, connection: Connection) -> None:
        super().__init__(
            catalog,
            hooks,
            request.run_id,
            is_async=request.is_async,
            save=self._save_if_wanted,
            call=self._call_if_wanted,
        )
        self._connection = connection
        self.step = msgspec.structs.replace(Step.of(request.node), confirms=())
        self.stop_signal: StopSignal | None = None
        self.has_function_failed = False

    def take_turn(self) -> None:
        """Load, call and save; raises what a dataset or the function raises."""
        CURRENT_NODE.set(self.step.name)
        self._run(self.step)

    def _chunks(self, step: Step, outputs: Mapping[str, Any], inputs: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        for chunk in super()._chunks(step, outputs, inputs):
            self._check_wanted()
            yield chunk

    def _call_if_wanted(self, node: Node, inputs: dict[str, Any], replaced: Collection[str] = ()) -> Any:
        self._check_wanted()
        return call_node(node, inputs, replaced)

    def _save_if_wanted(self, name: str, data: Any) -> None:
        self._check_wanted()
        self._catalog.save(name, data)

    def _check_wanted(self) -> None:
        """Raise `RunStoppedError` if the run was stopped, or its process is gone.

        Another process may repeat the run by now, and this turn must not save over what that saves.
        """
        if self.stop_signal is not None:
            if self.stop_signal.reason is not None:
                raise self.stop_signal.reason
        # No other thread receives, and there is nothing to receive but a request to stop.
        elif not self._connection.is_silent:
            raise RunStoppedError

    def _report(self, node: Node, error: Exception, inputs: dict[str, Any]) -> None:
        self.has_function_failed = True
        super()._report(node, error, inputs)


def _stored_dataset(given: StoredInput, stored: tuple[Any, ...]) -> MemoryDataset:
    dataset = MemoryDataset(copy_mode=given.copy_mode)
    dataset.replace_data(stored[given.position])
    return dataset


def _can_stop(node: Node) -> bool:
    return node.is_async or node.is_generator
