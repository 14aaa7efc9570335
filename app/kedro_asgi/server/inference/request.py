"""Reads requests of the Open Inference Protocol: JSON, and the bytes of tensors after it."""

import re
from collections import Counter
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.inference_schemas import InferenceRequest, RequestInput, RequestOutput
from kedro_asgi.server.inference.datatypes import checked_values, unpacked_values
from kedro_asgi.server.inference.errors import InferenceError
from kedro_asgi.server.inference.tensors import Tensor, check_size, count_of, flat_data, lists_of

_DECODER = msgspec.json.Decoder(InferenceRequest)
_NOT_IN_JSON = re.compile(rb"\b(NaN|Infinity)\b")
_CONTENT_TYPES = ("np", "pd", "str", "base64", "datetime", "json")
_TEXT_TYPES = ("str", "base64", "datetime", "json")
_MAX_SHOWN = 50


class Inference(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request of the protocol, decoded; ``outputs`` of ``None`` asks for all."""

    id: str
    parameters: dict[str, Any]
    tensors: tuple[Tensor, ...]
    outputs: tuple[RequestOutput, ...] | None
    body_bytes: int


def read_inference(body: bytes, *, header_length: str | None) -> Inference:
    """Return the request in a body, whose first ``header_length`` bytes are JSON; raises `InferenceError`."""
    content, data = _split(memoryview(body), header_length)
    request = _decode(content)
    tensors = []
    for given in request.inputs:
        tensor, used = _tensor(given, data, body_bytes=len(body))
        data = data[used:]
        tensors.append(tensor)
    if data:
        raise InferenceError(f"The body has {len(data)} bytes after the binary data of its inputs.")
    if repeated := _first_repeated([tensor.name for tensor in tensors]):
        raise InferenceError(f"Input '{repeated}' is given twice.")
    return Inference(
        id=request.id,
        parameters=request.parameters,
        tensors=tuple(tensors),
        outputs=None if request.outputs is None else tuple(request.outputs),
        body_bytes=len(body),
    )


def _split(body: memoryview, header_length: str | None) -> tuple[memoryview, memoryview]:
    if header_length is None:
        return body, body[:0]
    # Python limits the digits of an integer, so the length comes first.
    is_number = header_length.isascii() and header_length.isdigit() and len(header_length) < 20
    if not is_number or int(header_length) > len(body):
        problem = f"is {header_length[:_MAX_SHOWN]!r}, but the body has {len(body)} bytes"
        raise InferenceError(f"The header 'Inference-Header-Content-Length' {problem}.")
    return body[: int(header_length)], body[int(header_length) :]


def _decode(content: memoryview) -> InferenceRequest:
    try:
        return _DECODER.decode(content)
    except msgspec.ValidationError as error:
        raise InferenceError(f"The request does not fit the protocol: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = "; JSON has no NaN and no infinity" if _NOT_IN_JSON.search(content) else ""
        raise InferenceError(f"The request is not valid JSON: {error}{hint}.") from error


def _tensor(given: RequestInput, data: memoryview, *, body_bytes: int) -> tuple[Tensor, int]:
    """Return a tensor, and how many of the bytes after the JSON are its own."""
    name, shape = given.name, tuple(given.shape)
    check_size(name, lists_of(shape), body_bytes=body_bytes)
    size = given.parameters.get("binary_data_size")
    if (size is None) == (given.data is UNSET):
        problem = "has neither 'data' nor" if size is None else "has both 'data' and"
        raise InferenceError(f"Input '{name}' {problem} a 'binary_data_size'.")
    if size is None:
        assert given.data is not UNSET
        values = checked_values(name, given.datatype, flat_data(name, given.data, shape))
    else:
        _check_binary_size(name, size, available=len(data))
        values = unpacked_values(name, given.datatype, count_of(name, shape), data[:size])
    tensor = Tensor(name=name, datatype=given.datatype, shape=shape, values=values, content_type=_content_type(given))
    return tensor, size or 0


def _check_binary_size(name: str, size: object, *, available: int) -> None:
    if type(size) is not int or size < 0:
        raise InferenceError(f"Input '{name}': its 'binary_data_size' must be a whole number of bytes.")
    if size > available:
        hint = "the header 'Inference-Header-Content-Length' says where they begin"
        problem = f"{size} bytes of binary data, but the body has only {available} more"
        raise InferenceError(f"Input '{name}' is to have {problem}; {hint}.")


def _content_type(given: RequestInput) -> str | None:
    found = checked_content_type(f"Input '{given.name}'", given.parameters)
    if found in _TEXT_TYPES and given.datatype != "BYTES":
        raise InferenceError(f"Input '{given.name}': the content type '{found}' needs the datatype BYTES.")
    return found


def checked_content_type(subject: str, parameters: dict[str, Any]) -> str | None:
    """Return the content type among parameters; raises `InferenceError` for one that is not known."""
    found = parameters.get("content_type")
    if found is None or (isinstance(found, str) and found in _CONTENT_TYPES):
        return found
    known = ", ".join(_CONTENT_TYPES)
    raise InferenceError(f"{subject}: the content type {str(found)[:_MAX_SHOWN]!r} is unknown; known are {known}.")


def _first_repeated(names: list[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)
