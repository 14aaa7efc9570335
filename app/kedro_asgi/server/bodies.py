"""Read run requests: their bodies and idempotency keys."""

import gc
import re
from collections.abc import Awaitable, Callable, Sized
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from kedro_asgi.errors import DrainingError
from kedro_asgi.limits import MAX_KEY_LENGTH
from kedro_asgi.media_types import JSON
from kedro_asgi.outcome import Outcome
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.schemas import KEY_PATTERN, RunRequest, RunSubmission
from kedro_asgi.server.access.caller import CALLER_KEY
from kedro_asgi.server.access.control import check_pipelines
from kedro_asgi.server.problems import InvalidQueryError
from kedro_asgi.server.queries import header
from kedro_asgi.server.shutdown import Shutdown
from kedro_asgi.server.validation import JSON_TYPE, RUNNER_PATH, AnyRunRequest, parse_strictly, validate_run_request
from kedro_asgi.session.slots import Slots

T = TypeVar("T")

# The event loop decodes bodies up to this size, in well under a millisecond; a thread decodes larger ones.
_SMALL_BODY_BYTES = 64 * 1024
_KEY = re.compile(KEY_PATTERN)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_DECODERS = {kind: msgspec.json.Decoder(kind) for kind in (RunRequest, RunSubmission)}
# The fields of a request that `RunSpec.of` takes under the same name.
_SHARED_FIELDS = tuple(name for name in RunRequest.__struct_fields__ if name not in ("params", "outputs"))


class JsonBody(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A decoded body, and its size in bytes."""

    document: Any
    size: int

    def __len__(self) -> int:
        return self.size


class BodyReader:
    """Reads the bodies of runs: at most ``max_bytes``, within ``timeout_seconds``, and none once a shutdown begins."""

    def __init__(self, shutdown: Shutdown, *, max_bytes: int, timeout_seconds: float) -> None:
        self._shutdown = shutdown
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        # One at a time: a decoder holds the GIL, and the event loop gets its turn between two of them.
        self._large_bodies = Slots(1)

    async def read(self, request: Request, kind: type[AnyRunRequest]) -> tuple[AnyRunRequest, int]:
        """Return the decoded body, and its size in bytes.

        Raises 413 if it is too large, 408 if it is too late, `InvalidBodyError`, `DrainingError`, and
        `ForbiddenPipelineError` if the caller may not run its pipelines.
        """
        body = await self.read_bytes(request)
        content_type = header(request, b"content-type") or ""
        if len(body) <= _SMALL_BODY_BYTES:
            decoded = decode_run_request(body, content_type, kind)
        else:
            decoded = await self.work_on(body, partial(decode_run_request, body, content_type, kind))
        if CALLER_KEY in request.scope:
            check_pipelines(request.scope, decoded.pipeline_names)
        return decoded, len(body)

    async def read_json(self, request: Request) -> "JsonBody":
        """Return the decoded body, whatever JSON it is; no body is an empty object. Raises what `read` raises."""
        body = await self.read_bytes(request)
        content_type = request.headers.get("content-type", "")
        document = await self.work_on(body, partial(_decode_json, body, content_type))
        return JsonBody(document=document, size=len(body))

    async def read_buffer(self, request: Request) -> bytearray:
        """Return the body as it is, which grows as it arrives, so that it is never in memory twice.

        Raises what `read` raises but `InvalidBodyError` and `ForbiddenPipelineError`.
        """
        return await self._within_limits(partial(_read_buffer, request, self._max_bytes))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do ``work`` that may take long in a thread, while no other body is decoded."""
        return (await self._large_bodies.run(partial(Outcome.of, work))).value()

    @property
    def max_bytes(self) -> int:
        """How many bytes a body may have."""
        return self._max_bytes

    async def work_on(self, body: Sized, work: Callable[[], T]) -> T:
        """Do ``work`` that grows with the size of ``body``: in a thread if it is large."""
        if len(body) <= _SMALL_BODY_BYTES:
            return work()
        return (await self._large_bodies.run(partial(Outcome.of, partial(_without_collector, work)))).value()

    async def read_bytes(self, request: Request, *, max_bytes: int | None = None) -> bytes:
        """Return the body as it came; ``max_bytes`` may lower the limit. Raises 413, 408 or `DrainingError`."""
        limit = self._max_bytes if max_bytes is None else min(self._max_bytes, max_bytes)
        if _has_whole_body(request.receive):
            # To enter a cancel scope costs as much as all else that is done to read a small body.
            return await _read_body(request, limit)
        return await self._within_limits(partial(_read_body, request, limit))

    async def _within_limits(self, read: Callable[[], Awaitable[T]]) -> T:
        with self._shutdown.until_begun(timeout_seconds=self._timeout_seconds):
            return await read()
        # The body was refused before its end, so the connection is of no more use.
        if self._shutdown.has_begun:
            raise DrainingError
        detail = f"The request body did not arrive within {self._timeout_seconds:g} seconds"
        raise HTTPException(408, detail, headers={"Connection": "close"})


def decode_run_request(body: bytes, content_type: str, kind: type[AnyRunRequest]) -> AnyRunRequest:
    """Decode a valid body with msgspec; `validate_run_request` reads any other."""
    if not _is_json(content_type):
        return validate_run_request(body, content_type, kind)
    try:
        request: Any = _DECODERS[kind].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return validate_run_request(body, content_type, kind)
    if request.runner is None or RUNNER_PATH.fullmatch(request.runner):
        return cast("AnyRunRequest", request)
    return validate_run_request(body, content_type, kind)


def _is_json(content_type: str) -> bool:
    return content_type == JSON or bool(JSON_TYPE.fullmatch(content_type.partition(";")[0].strip()))


def _decode_json(body: bytes, content_type: str) -> Any:
    if not body:
        return {}
    if _is_json(content_type):
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _ANY.decode(body)
    return parse_strictly(body, content_type)


def _without_collector(work: Callable[[], T]) -> T:
    """Work without the garbage collector, which would look at millions of new values again and again."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if is_enabled:
            gc.enable()


def run_spec(request: RunRequest) -> RunSpec:
    """Return the run that a request describes."""
    given = {name: value for name in _SHARED_FIELDS if (value := getattr(request, name))}
    if not given:
        return RunSpec(runtime_params=request.params or {}, outputs=tuple(request.outputs or ()))
    return RunSpec.of(runtime_params=request.params, outputs=request.outputs or (), **given)


def run_order(submission: RunSubmission, spec: RunSpec, *, key: str | None = None) -> RunOrder:
    """Return the order of a submission that describes the run ``spec``."""
    return RunOrder(
        spec=spec,
        labels=submission.labels or {},
        timeout_seconds=submission.timeout_seconds,
        on_interrupt=submission.on_interrupt,
        key=key,
    )


def idempotency_key(request: Request) -> str | None:
    """Return the ``Idempotency-Key``."""
    key = header(request, b"idempotency-key")
    if key is not None and not (len(key) <= MAX_KEY_LENGTH and _KEY.fullmatch(key)):
        raise InvalidQueryError(f"'Idempotency-Key' must have 1 to {MAX_KEY_LENGTH} printable ASCII characters.")
    return key


def _has_whole_body(receive: Receive) -> bool:
    """Tell whether the server has the whole body, so that ``receive`` does not wait; known only of uvicorn."""
    return getattr(getattr(receive, "__self__", None), "more_body", True) is False


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body; raises 413 once its declared or received size is over ``max_bytes``."""
    _check_declared_size(request, max_bytes)
    chunks: list[bytes] = []
    size, has_more = 0, True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size, has_more = size + len(chunks[-1]), message.get("more_body", False)
        if size > max_bytes:
            raise _too_large(max_bytes)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _read_buffer(request: Request, max_bytes: int) -> bytearray:
    """Do what `_read_body` does for a body that only the caller keeps."""
    _check_declared_size(request, max_bytes)
    body, has_more = bytearray(), True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return body


def _check_declared_size(request: Request, max_bytes: int) -> None:
    declared = header(request, b"content-length") or ""
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(413, f"The request body is larger than {max_bytes} bytes")
