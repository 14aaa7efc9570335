"""Read the bodies of requests to run."""

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from kedro_asgi.runs import RunSpec
from kedro_asgi.schemas import RunRequest
from kedro_asgi.server.validation import Request as Kind
from kedro_asgi.server.validation import decode_run_request

# Bodies up to this size are decoded on the event loop, in well under a millisecond; larger ones in a thread.
_SMALL_BODY_BYTES = 64 * 1024


async def read_request(request: Request, kind: type[Kind], *, max_bytes: int) -> Kind:
    """Return what the body asks for; raises 413 for a large one, `InvalidBodyError` for one that asks for nothing."""
    body = await _read_body(request, max_bytes)
    content_type = request.headers.get("content-type", "")
    if len(body) <= _SMALL_BODY_BYTES:
        return decode_run_request(body, content_type, kind)
    return await anyio.to_thread.run_sync(decode_run_request, body, content_type, kind)


def spec_of(asked: RunRequest) -> RunSpec:
    """Return the run that a request asks for."""
    return RunSpec.of(
        asked.pipeline_names,
        tags=asked.tags,
        node_names=asked.node_names,
        from_nodes=asked.from_nodes,
        to_nodes=asked.to_nodes,
        from_inputs=asked.from_inputs,
        to_outputs=asked.to_outputs,
        namespaces=asked.namespaces,
        load_versions=asked.load_versions,
        only_missing_outputs=asked.only_missing_outputs,
        runtime_params=asked.params,
        inputs=asked.inputs,
        outputs=asked.outputs or (),
        runner=asked.runner,
        is_async=asked.is_async,
    )


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body; raises 413 as soon as it is, or says that it will be, larger than ``max_bytes``."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size, is_more = 0, True
    while is_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size, is_more = size + len(chunks[-1]), message.get("more_body", False)
        if size > max_bytes:
            raise _too_large(max_bytes)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(413, f"The request body is larger than {max_bytes} bytes")
