"""The outputs of a run as tensors: a table is one tensor for each column."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kedro_asgi.encoding import encode_json
from kedro_asgi.inference_schemas import Datatype, InferenceResponse, ResponseOutput
from kedro_asgi.server.inference.datasets import DatasetFacts
from kedro_asgi.server.inference.datatypes import datatype_of, has_bytes, packed_values
from kedro_asgi.server.inference.errors import InferenceError
from kedro_asgi.server.inference.metadata import declared_datatype
from kedro_asgi.server.inference.model import Model, TensorTarget
from kedro_asgi.server.inference.request import Inference, checked_content_type
from kedro_asgi.server.inference.tensors import regular_shape

_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class WantedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output that a request asks for, under ``name``."""

    name: str
    target: TensorTarget
    is_binary: bool
    is_json: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor of an answer, and how it is sent."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: list[Any]
    content_type: str
    is_binary: bool


class InferenceAnswer(msgspec.Struct, frozen=True):
    """The body of an answer; its first ``json_length`` bytes are JSON, which others may follow."""

    content: bytes
    json_length: int

    @property
    def is_binary(self) -> bool:
        """Whether bytes of tensors follow the JSON."""
        return len(self.content) > self.json_length


def wanted_outputs(inference: Inference, model: Model) -> tuple[WantedOutput, ...]:
    """Return the outputs that a request asks for, else those that the pipeline gives; raises `InferenceError`."""
    is_binary = inference.parameters.get("binary_data_output") is True
    if inference.outputs is None:
        return tuple(
            WantedOutput(name=name, target=TensorTarget(model.outputs[name]), is_binary=is_binary)
            for name in model.defaults
        )
    return tuple(
        WantedOutput(
            name=wanted.name,
            target=model.output_target(wanted.name),
            is_binary=wanted.parameters.get("binary_data", is_binary) is True,
            is_json=checked_content_type(f"Output '{wanted.name}'", wanted.parameters) == "json",
        )
        for wanted in inference.outputs
    )


def names_of(wanted: tuple[WantedOutput, ...]) -> list[str]:
    """Return the datasets that hold the wanted outputs, each once."""
    return list(dict.fromkeys(one.target.dataset.name for one in wanted))


def write_answer(
    model: Model,
    outputs: Mapping[str, msgspec.Raw],
    wanted: tuple[WantedOutput, ...],
    *,
    run_id: str,
    request_id: str,
) -> InferenceAnswer:
    """Return the answer with the outputs of a run, each as JSON; raises `InferenceError`."""
    values = {name: _JSON.decode(content) for name, content in outputs.items()}
    is_alone = len(values) == 1
    results: dict[str, Result] = {}
    for one in wanted:
        for result in _results(one, values[one.target.dataset.name], is_alone=is_alone):
            results.setdefault(result.name, result)
    is_frame = is_alone and all(_is_table(value) for value in values.values())
    parts = [_sent(result) for result in results.values()]
    response = InferenceResponse(
        model_name=model.name,
        id=request_id or run_id,
        parameters={"run_id": run_id, **({"content_type": "pd"} if is_frame else {})},
        outputs=[output for output, _ in parts],
    )
    content = encode_json(response)
    return InferenceAnswer(b"".join([content, *(data for _, data in parts)]), len(content))


def _results(wanted: WantedOutput, value: Any, *, is_alone: bool) -> list[Result]:
    dataset, column = wanted.target.dataset, wanted.target.column
    if wanted.is_json and column is None:
        return [_as_json(wanted.name, [value], is_binary=wanted.is_binary)]
    if column is None and not _is_table(value) and (value != [] or not dataset.columns):
        return [_result(wanted.name, value, dataset.schema, is_binary=wanted.is_binary)]
    columns = _columns(value, dataset)
    if column is not None:
        if column not in columns:
            raise _no_column(wanted, columns)
        if wanted.is_json:
            return [_as_json(wanted.name, columns[column], is_binary=wanted.is_binary)]
        return [_result(wanted.name, columns[column], dataset.columns.get(column, {}), is_binary=wanted.is_binary)]
    return [
        _result(
            name if is_alone else f"{dataset.name}.{name}",
            found,
            dataset.columns.get(name, {}),
            is_binary=wanted.is_binary,
        )
        for name, found in columns.items()
    ]


def _no_column(wanted: WantedOutput, columns: Mapping[str, Any]) -> InferenceError:
    has = f"which has the columns {', '.join(columns)}" if columns else "which is no table"
    dataset = wanted.target.dataset.name
    return InferenceError(f"'{wanted.name}' is no output of the pipeline: there is '{dataset}', {has}.")


def _is_table(value: Any) -> bool:
    """Tell whether a value is a list of records with the same columns."""
    if type(value) is not list or not value or type(value[0]) is not dict or not value[0]:
        return False
    columns = value[0].keys()
    return all(type(row) is dict and row.keys() == columns for row in value)


def _columns(value: Any, dataset: DatasetFacts) -> dict[str, list[Any]]:
    if _is_table(value):
        return {column: [row[column] for row in value] for column in value[0]}
    return {column: [] for column in dataset.columns} if value == [] else {}


def _result(name: str, value: Any, schema: Mapping[str, Any], *, is_binary: bool) -> Result:
    """Return a value as a tensor: in an array of one datatype, else as JSON."""
    found = regular_shape(value)
    if found is None or (type(value) is not list and datatype_of([value]) is None):
        return _as_json(name, [value], is_binary=is_binary)
    shape, values = found
    datatype = datatype_of(values) if values else declared_datatype(schema)
    if datatype is None:
        return _as_json(name, value, is_binary=is_binary)
    if datatype == "FP64":
        values = [None if number is None else float(number) for number in values]
    kind = "str" if datatype == "BYTES" else "np"
    return Result(
        name=name, datatype=datatype, shape=shape or (1,), values=values, content_type=kind, is_binary=is_binary
    )


def _as_json(name: str, values: list[Any], *, is_binary: bool) -> Result:
    """Return a tensor of texts: each value as JSON."""
    texts = [encode_json(value).decode() for value in values]
    return Result(
        name=name, datatype="BYTES", shape=(len(texts),), values=texts, content_type="json", is_binary=is_binary
    )


def _sent(result: Result) -> tuple[ResponseOutput, bytes]:
    """Return a tensor as a part of the JSON, and its bytes after it."""
    parameters: dict[str, Any] = {"content_type": result.content_type}
    values: list[Any] | UnsetType = result.values
    content = b""
    if result.is_binary and has_bytes(result.datatype, result.values):
        content, values = packed_values(result.datatype, result.values), UNSET
        parameters["binary_data_size"] = len(content)
    output = ResponseOutput(
        name=result.name, datatype=result.datatype, shape=result.shape, parameters=parameters, data=values
    )
    return output, content
