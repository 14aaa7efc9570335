"""The requests of a run's process to a worker of the cluster, one for each node, and the messages in between."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from kedro_asgi.pipeline import Node
from kedro_asgi.runner.portable_struct import PortableStruct
from kedro_asgi.runner.remote_datasets import RemoteDataset
from kedro_asgi.trace_context import TraceHeaders

# A message to a node that runs, beside those to a generator: `NEXT_CHUNK` and `CLOSE_GENERATOR` of `messages`.
STOP = b"stop"
# In place of a request: the node was withdrawn.
WITHDRAWN = b"withdrawn"


class GivenInput(PortableStruct, frozen=True, kw_only=True, eq=False):
    """An input that comes with the request."""

    value: Any


class StoredInput(PortableStruct, frozen=True, kw_only=True, eq=True):
    """An input that another node left on the cluster, which Dask passes at ``position``.

    ``copy_mode`` says how the dataset copies it.
    """

    position: int
    copy_mode: str | None


Input = GivenInput | StoredInput | RemoteDataset


class TurnRequest(PortableStruct, frozen=True, kw_only=True, eq=False):
    """The whole turn of a node: load, call, save.

    Outputs without a dataset are in memory: those ``kept`` stay on the cluster for other nodes, and those ``returned``
    are sent back. ``is_followed`` asks for an `OutputSaved` for each output.
    """

    node: Node
    run_id: str | None
    inputs: Mapping[str, Input]
    outputs: Mapping[str, RemoteDataset | None]
    kept: tuple[str, ...]
    returned: frozenset[str]
    is_async: bool
    has_retries: bool
    is_followed: bool
    trace_context: TraceHeaders | UnsetType = UNSET


class FunctionCallRequest(PortableStruct, frozen=True, kw_only=True, eq=False):
    """A call of a node's function, whose result is sent back; a generator sends each chunk when it is asked for."""

    node: Node
    inputs: Mapping[str, Any]
    trace_context: TraceHeaders | UnsetType = UNSET


class OutputSaved(PortableStruct, frozen=True, kw_only=True, eq=True):
    """An output of a turn is saved, for the first time if by a generator."""

    name: str


class TurnFailure(PortableStruct, frozen=True, kw_only=True, eq=True):
    """The facts of the failure of a turn beside its error."""

    is_of_function: bool
    is_last_attempt: bool
