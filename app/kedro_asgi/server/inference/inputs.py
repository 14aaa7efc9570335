"""The body of a run that a request of the protocol describes: tensors become datasets, and parameters those of it."""

from collections.abc import Mapping, Set
from typing import Any

import msgspec

from kedro_asgi.errors.wording import quoted
from kedro_asgi.limits import MAX_TIMEOUT_SECONDS
from kedro_asgi.reserved_names import PARAMS_PREFIX
from kedro_asgi.server.inference.datasets import DatasetFacts
from kedro_asgi.server.inference.errors import InferenceError
from kedro_asgi.server.inference.metadata import describe_model
from kedro_asgi.server.inference.model import Model
from kedro_asgi.server.inference.request import Inference, checked_content_type
from kedro_asgi.server.inference.tensors import Tensor, check_size
from kedro_asgi.signatures import Json

# Refused, since a server that ignored them would give other answers than the caller expects.
_REFUSED = ("sequence_id", "sequence_start", "sequence_end", "priority")
_OWN = ("binary_data_output", "content_type", "timeout")
_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_MICROSECONDS = 1_000_000
_MAX_LEVELS = 50
_MANY = 20


def run_document(inference: Inference, model: Model, *, outputs: list[str]) -> Json:
    """Return the body of ``POST /pipelines/{name}/run`` that does what a request asks; raises `InferenceError`."""
    inputs, params = _inputs(inference, model), _params(inference.parameters, model)
    timeout = _timeout_seconds(inference.parameters)
    return {
        "outputs": outputs,
        **({"inputs": inputs} if inputs else {}),
        **({"params": params} if params else {}),
        **({} if timeout is None else {"timeout_seconds": timeout}),
    }


# --- inputs ---


def _inputs(inference: Inference, model: Model) -> Json:
    is_frame = checked_content_type("The request", inference.parameters) == "pd"
    values: dict[str, Any] = {}
    tables: dict[str, dict[str, Tensor]] = {}
    for tensor in inference.tensors:
        target = model.input_target(tensor.name, is_frame=is_frame)
        if target.column is None:
            values[target.dataset.name] = _value(tensor, target.dataset)
        else:
            tables.setdefault(target.dataset.name, {})[target.column] = tensor
    if twice := values.keys() & tables.keys():
        raise InferenceError(f"Dataset '{min(twice)}' is given as a whole and by its columns.")
    _check_any(values.keys() | tables.keys(), model)
    records = {name: _records(name, columns, inference.body_bytes) for name, columns in tables.items()}
    return {**values, **records}


def _check_any(given: Set[str], model: Model) -> None:
    """Raise `InferenceError` for a request without tensors, if the pipeline needs some."""
    needed = [tensor.name for tensor in describe_model(model).inputs] if not given else []
    if needed:
        more = "" if len(needed) <= _MANY else f" and {len(needed) - _MANY} more"
        raise InferenceError(f"inputs: Pipeline '{model.name}' needs the tensors {quoted(needed[:_MANY])}{more}.")


def _value(tensor: Tensor, dataset: DatasetFacts) -> Any:
    if tensor.content_type == "json":
        values = [_parsed(tensor, number) for number in range(len(tensor.values))]
        return values[0] if len(values) == 1 and not tensor.shape[1:] else values
    if dataset.is_table:
        example = next(iter(dataset.columns), "column")
        raise InferenceError(
            f"Input '{tensor.name}' is a table: send a tensor for each column, such as '{dataset.name}.{example}', "
            "or its rows as JSON with the content type 'json'."
        )
    return tensor.values[0] if dataset.is_scalar and len(tensor.values) == 1 else tensor.nested()


def _parsed(tensor: Tensor, number: int) -> Any:
    text = tensor.values[number]
    try:
        return None if text is None else _JSON.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InferenceError(f"Input '{tensor.name}': value {number} is no JSON: {error}.") from error


def _records(name: str, columns: Mapping[str, Tensor], body_bytes: int) -> list[dict[str, Any]]:
    """Return the rows of a table whose columns are tensors; raises `InferenceError`."""
    rows = {tensor.name: tensor.rows for tensor in columns.values()}
    first = next(iter(rows))
    if other := next((found for found in rows if rows[found] != rows[first]), None):
        counts = f"'{other}' has {rows[other]} rows, but '{first}' has {rows[first]}"
        raise InferenceError(f"The columns of dataset '{name}' have different lengths: {counts}.")
    check_size(first, rows[first], body_bytes=body_bytes)
    values = [_column(tensor) for tensor in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _column(tensor: Tensor) -> list[Any]:
    if not tensor.shape:
        raise InferenceError(f"Input '{tensor.name}' is a column: its shape must begin with the number of its rows.")
    if tensor.content_type == "json":
        return [_parsed(tensor, number) for number in range(len(tensor.values))]
    return tensor.values if tensor.is_column else tensor.nested()


# --- parameters ---


def _params(given: Mapping[str, Any], model: Model) -> Json:
    """Return the parameters of a run; a dotted name leads into a nested parameter, as ``kedro run --params`` has it."""
    if refused := next((name for name in _REFUSED if name in given), None):
        raise InferenceError(f"The parameter '{refused}' is not supported: each request is a run of its own.")
    params: Json = {}
    values: dict[tuple[str, ...], Any] = {}
    for name, value in given.items():
        if name not in _OWN:
            path = _path(name.removeprefix(PARAMS_PREFIX), known=model.params.get("properties", {}))
            if path in values:
                raise InferenceError(f"The parameter '{'.'.join(path)}' is given twice.")
            values[path] = value
    for path, value in values.items():
        if whole := next((path[:length] for length in range(1, len(path)) if path[:length] in values), None):
            raise InferenceError(f"The parameter '{'.'.join(whole)}' is given twice: as a whole, and a part of it.")
        branch = params
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value
    return params


def _path(name: str, *, known: Mapping[str, Any]) -> tuple[str, ...]:
    path = (name,) if name in known else tuple(name.split(".", _MAX_LEVELS))
    if "." in path[-1] and len(path) > 1:
        raise InferenceError(f"A parameter has more than {_MAX_LEVELS} levels.")
    return path


def _timeout_seconds(given: Mapping[str, Any]) -> float | None:
    timeout = given.get("timeout", 0)
    if type(timeout) is not int or not 0 <= timeout <= MAX_TIMEOUT_SECONDS * _MICROSECONDS:
        raise InferenceError("The parameter 'timeout' must be a whole number of microseconds, of a year at most.")
    return timeout / _MICROSECONDS or None
