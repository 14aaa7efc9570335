"""Requests and answers whose frames travel as columns of Arrow; imports ``pyarrow``."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, get_args

import httpx
import msgspec

from kedro_asgi.client.request_bodies import body_of
from kedro_asgi.client.request_sender import decode
from kedro_asgi.encoding import encode_exactly, encode_json
from kedro_asgi.errors import InvalidAnswerError, MultipartError, UnencodableRequestError, UnknownLibraryError
from kedro_asgi.failures import shown
from kedro_asgi.media_types import ARROW, JSON, MULTIPART
from kedro_asgi.multipart import Buffer, Part, read_parts, write_parts
from kedro_asgi.schemas import RunAnswer, RunRequest, RunSuccess

try:
    from kedro_asgi.tables.arrow import convert_table, frame_or_column, is_frame, stored_table, write_stream
except ImportError as error:
    raise ImportError(f"Frames over Arrow need an extra: pip install 'kedro-asgi[arrow]' ({error}).") from error

Frames = Literal["pandas", "polars", "pyarrow"]

ACCEPTED_RUN = f"{MULTIPART}, {JSON};q=0.5"
ACCEPTED_OUTPUT = f"{ARROW}, {JSON};q=0.5"
_PIECE_BYTES = 2**20
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_RUN: msgspec.json.Decoder[RunAnswer] = msgspec.json.Decoder(RunAnswer)


class Pieces:
    """The pieces of a body, which are sent one after another; a repeated request reads them again."""

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self._views = [memoryview(buffer).cast("B") for buffer in buffers]
        self.size_bytes = sum(view.nbytes for view in self._views)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for view in self._views:
            for start in range(0, view.nbytes, _PIECE_BYTES):
                yield bytes(view[start : start + _PIECE_BYTES])


def check_library(frames: object) -> None:
    """Raise `UnknownLibraryError` unless ``frames`` is the name of a library."""
    known = get_args(Frames)
    if frames not in known:
        raise UnknownLibraryError(frames, known)


def columnar_body_of(request: RunRequest, key: str | None) -> dict[str, Any]:
    """Return the arguments of an HTTP request whose frames are parts beside its JSON.

    Raises `UnencodableRequestError`.
    """
    frames = {name: value for name, value in (request.inputs or {}).items() if is_frame(value)}
    if not frames:
        return body_of(request, key)
    others = {name: value for name, value in (request.inputs or {}).items() if name not in frames}
    fields = msgspec.structs.replace(request, inputs=others or None)
    try:
        encode_exactly((others, request.params))
        parts = [Part(content_type=JSON, content=encode_json(fields))]
    except Exception as error:
        raise UnencodableRequestError(str(error)) from error
    parts += [_part(name, value) for name, value in frames.items()]
    content_type, buffers = write_parts(parts)
    pieces = Pieces(buffers)
    headers = {} if key is None else {"idempotency-key": key}
    return {
        "content": pieces,
        "headers": {"content-type": content_type, "content-length": str(pieces.size_bytes), **headers},
    }


def _part(name: str, value: Any) -> Part:
    try:
        content = write_stream(convert_table(value, name=name))
    except Exception as error:  # a lazy frame is computed now, which may fail in any way
        raise UnencodableRequestError(f"input '{name}': {shown(str(error))}", "Arrow") from error
    return Part(name=name, content_type=ARROW, content=memoryview(content))


def read_run(response: httpx.Response, frames: Frames, path: str) -> RunAnswer:
    """Return the answer to a run, with frames in place of its tables; raises `InvalidAnswerError`."""
    content_type = response.headers.get("content-type", "")
    if not content_type.startswith("multipart/"):
        return decode(_RUN, response.content, path)
    try:
        fields, *tables = read_parts(response.content, content_type)
    except (MultipartError, ValueError) as error:
        raise InvalidAnswerError(path, str(error)) from error
    answer = decode(_RUN, bytes(fields.content), path)
    if not isinstance(answer, RunSuccess):
        return answer
    read = {part.name or "": _frame(memoryview(part.content), frames, path) for part in tables}
    return msgspec.structs.replace(answer, outputs={**(answer.outputs or {}), **read})


def read_output(response: httpx.Response, frames: Frames, path: str) -> Any:
    """Return a stored output: a frame or a column if it is one, else a JSON value."""
    if response.headers.get("content-type", "") == ARROW:
        return _frame(memoryview(response.content), frames, path)
    return decode(_ANY, response.content, path)


def _frame(content: memoryview, frames: Frames, path: str) -> Any:
    try:
        return frame_or_column(stored_table(content), frames)
    except ValueError as error:  # errors of Arrow and of tables are such
        raise InvalidAnswerError(path, str(error)) from error
