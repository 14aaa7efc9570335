"""The bodies of the Open Inference Protocol (KServe's version 2) on the wire."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
]
Dimension = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TensorName = Annotated[str, Meta(min_length=1)]

MAX_DIMENSIONS = 32


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2``."""

    name: str
    version: str
    extensions: tuple[str, ...]


class ServerLive(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2/health/live``."""

    live: bool


class ServerReady(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2/health/ready``; clients read either field."""

    live: bool
    ready: bool


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2/models``: the names of the pipelines that can run."""

    models: tuple[str, ...]


class RepositoryModel(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline in the answer of ``POST /v2/repository/index``; ``reason`` says why it is not ready."""

    name: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class RepositoryQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``POST /v2/repository/index``; ``ready`` leaves out the pipelines that are not ready."""

    ready: bool = False


class ModelReady(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2/models/{name}/ready``."""

    name: str
    ready: bool


class TensorMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tensor that a pipeline takes or gives; a dimension of -1 may be of any size.

    The ``content_type`` among its parameters is ``pd`` for a table of unknown columns, each a tensor of its own, and
    ``json`` where each value is a text of JSON.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    parameters: dict[str, str] = {}


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2/models/{name}``: the tensors that a run needs, and those that it gives by default."""

    name: str
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


class TensorConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor in the configuration of a model, whose datatype has another name there."""

    name: str
    data_type: str
    dims: tuple[int, ...]


class ModelConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v2/models/{name}/config``, which load generators ask for: no more than the metadata."""

    name: str
    platform: str
    max_batch_size: int
    input: tuple[TensorConfiguration, ...]
    output: tuple[TensorConfiguration, ...]


class RequestInput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tensor of a request; its values are ``data``, flat or nested, or bytes after the JSON.

    ``binary_data_size`` among its parameters is the number of these bytes, and ``content_type`` says what the values
    stand for.
    """

    name: TensorName
    shape: Annotated[list[Dimension], Meta(max_length=MAX_DIMENSIONS)]
    datatype: Datatype
    parameters: dict[str, Any] = {}
    data: list[Any] | UnsetType = UNSET


class RequestOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An output that a request asks for; ``binary_data`` among its parameters asks for bytes after the JSON."""

    name: TensorName
    parameters: dict[str, Any] = {}


class InferenceRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``POST /v2/models/{name}/infer``.

    ``parameters`` are those of the run, beside those of the protocol: ``binary_data_output``, ``content_type`` and
    ``timeout``, in microseconds.
    """

    id: str = ""
    parameters: dict[str, Any] = {}
    inputs: list[RequestInput] = []
    outputs: list[RequestOutput] | None = None


class ResponseOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor of an answer; its values are ``data``, flat, or bytes after the JSON."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    parameters: dict[str, Any] | UnsetType = UNSET
    data: list[Any] | UnsetType = UNSET


class InferenceResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``POST /v2/models/{name}/infer``; the ``id`` is that of the request, else that of the run.

    Its parameters hold the ``run_id``; their ``content_type`` is ``pd`` if the tensors are the columns of one table.
    """

    model_name: str
    id: str
    parameters: dict[str, str]
    outputs: list[ResponseOutput]


class InferenceFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the protocol; ``run_id`` names the run that has failed, if there was one."""

    error: str
    run_id: str | UnsetType = UNSET
