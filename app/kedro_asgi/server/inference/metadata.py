"""The metadata of a pipeline: the tensors that it takes and gives, as its signature declares them."""

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_asgi.inference_schemas import (
    Datatype,
    ModelConfiguration,
    ModelMetadata,
    TensorConfiguration,
    TensorMetadata,
)
from kedro_asgi.server.inference.datasets import DatasetFacts
from kedro_asgi.server.inference.model import Model

_DATATYPES: Mapping[str, Datatype] = {"boolean": "BOOL", "integer": "INT64", "number": "FP64", "string": "BYTES"}
_PLATFORM = "kedro"


def describe_model(model: Model) -> ModelMetadata:
    """Return the metadata of a pipeline."""
    required = [found for found in model.inputs.values() if found.is_required]
    given = [model.outputs[name] for name in model.defaults]
    return ModelMetadata(
        name=model.name,
        platform=_PLATFORM,
        inputs=tuple(tensor for found in required for tensor in _tensors(found, is_alone=found is model.table)),
        outputs=tuple(tensor for found in given for tensor in _tensors(found, is_alone=len(given) == 1)),
    )


def configure_model(model: Model) -> ModelConfiguration:
    """Return the metadata of a pipeline as the configuration of a model; its shapes are whole, with all rows."""
    described = describe_model(model)
    return ModelConfiguration(
        name=model.name,
        platform=_PLATFORM,
        max_batch_size=0,
        input=tuple(map(_configured, described.inputs)),
        output=tuple(map(_configured, described.outputs)),
    )


def _configured(tensor: TensorMetadata) -> TensorConfiguration:
    kind = "STRING" if tensor.datatype == "BYTES" else tensor.datatype
    return TensorConfiguration(name=tensor.name, data_type=f"TYPE_{kind}", dims=tensor.shape)


def _tensors(dataset: DatasetFacts, *, is_alone: bool) -> Iterator[TensorMetadata]:
    """Yield the columns of a table, by their own names if the dataset ``is_alone``, or the dataset as a whole."""
    if dataset.is_table and dataset.columns:
        prefix = "" if is_alone else f"{dataset.name}."
        for column, schema in dataset.columns.items():
            yield _column(f"{prefix}{column}", schema)
    elif dataset.is_table:
        yield TensorMetadata(name=dataset.name, datatype="BYTES", shape=(-1,), parameters={"content_type": "pd"})
    else:
        yield _value(dataset.name, dataset.schema)


def _column(name: str, schema: Mapping[str, Any]) -> TensorMetadata:
    datatype = _DATATYPES.get(schema.get("type", ""))
    if datatype is None:
        return TensorMetadata(name=name, datatype="BYTES", shape=(-1,), parameters={"content_type": "json"})
    return TensorMetadata(name=name, datatype=datatype, shape=(-1,))


def _value(name: str, schema: Mapping[str, Any]) -> TensorMetadata:
    """Return the metadata of a value or of lists in lists; of anything else as JSON."""
    dimensions = 0
    while schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        schema, dimensions = schema["items"], dimensions + 1
    datatype = _DATATYPES.get(schema.get("type", ""))
    if datatype is None and schema == {} and dimensions:
        # An array, whose hint tells neither its dimensions nor its type.
        return TensorMetadata(name=name, datatype="FP64", shape=(-1, -1))
    if datatype is None:
        return TensorMetadata(name=name, datatype="BYTES", shape=(1,), parameters={"content_type": "json"})
    return TensorMetadata(name=name, datatype=datatype, shape=(-1,) * dimensions or (1,))


def declared_datatype(schema: Mapping[str, Any]) -> Datatype:
    """Return the datatype of values that are not there."""
    while schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        schema = schema["items"]
    return _DATATYPES.get(schema.get("type", ""), "FP64")
