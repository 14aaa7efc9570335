"""The routes: bytes in, one call down, bytes out."""

from typing import Any

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.config import parse_params
from kedro_asgi.dispatch import Dispatcher, run_error
from kedro_asgi.project.metadata import kedro_version
from kedro_asgi.runs import RunRecord, RunSpec
from kedro_asgi.schemas import (
    HealthResponse,
    RunAnswer,
    RunFailure,
    RunRequest,
    RunSuccess,
    SnapshotAnswer,
    SnapshotFailure,
    SnapshotSuccess,
)
from kedro_asgi.server.encoding import encode_json, encode_output
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.openapi import openapi
from kedro_asgi.server.validation import decode_run_request
from kedro_asgi.session import AsyncSession, Outcome
from kedro_asgi.session.arguments import run_spec
from kedro_asgi.snapshots import ProjectSnapshot

# Bodies up to this size are decoded on the event loop, in well under a millisecond; larger ones in a thread.
_SMALL_BODY_BYTES = 64 * 1024


class Routes:
    """The endpoints of one served project."""

    def __init__(self, session: AsyncSession, dispatcher: Dispatcher, *, max_body_bytes: int) -> None:
        self._session = session
        self._dispatcher = dispatcher
        self._max_body_bytes = max_body_bytes
        self._health = encode_json(HealthResponse(kedro_version=kedro_version()))
        self._openapi = encode_json(openapi(kedro_version()))

    def table(self) -> list[Route]:
        """Return the routes; ``HEAD`` is refused as Kedro does (SRV-11)."""
        table = [
            Route("/run", self.run, methods=["POST"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/snapshot", self.snapshot, methods=["GET"]),
        ]
        for route in table:
            assert route.methods is not None
            route.methods.discard("HEAD")
        return [*table, Route("/openapi.json", self.openapi)]

    async def health(self, request: Request) -> Response:
        """Say that the event loop answers (SRV-15)."""
        return Response(self._health, media_type="application/json")

    async def openapi(self, request: Request) -> Response:
        """Describe this API (SRV-55)."""
        return Response(self._openapi, media_type="application/json")

    async def snapshot(self, request: Request) -> Response:
        """Show the project; ``?params=a=1,b.c=2`` applies runtime parameters (SRV-49)."""
        text = request.query_params.get("params") or ""
        outcome = await self._session.inspect(lambda: parse_params(text))
        body = await anyio.to_thread.run_sync(lambda: encode_json(_snapshot_answer(outcome)))
        return Response(body, media_type="application/json")

    async def run(self, request: Request) -> Response:
        """Run what the body asks for and answer when it ended (SRV-14)."""
        body = await _read_body(request, self._max_body_bytes)
        asked = await _decode(body, request.headers.get("content-type", ""))
        record = await self._dispatcher.run(_spec(asked), convert=encode_output)
        return json_response(_run_answer(record, with_outputs=asked.outputs is not None))


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


async def _decode(body: bytes, content_type: str) -> RunRequest:
    if len(body) <= _SMALL_BODY_BYTES:
        return decode_run_request(body, content_type)
    return await anyio.to_thread.run_sync(decode_run_request, body, content_type)


def _spec(asked: RunRequest) -> RunSpec:
    return run_spec(
        pipeline_names=asked.pipeline_names,
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


def _run_answer(record: RunRecord, *, with_outputs: bool) -> RunAnswer:
    if record.error is not None:
        return RunFailure(run_id=record.run_id, duration_ms=record.duration_ms, error=record.error)
    outputs: dict[str, Any] | None = dict(record.outputs) if with_outputs else None
    return RunSuccess(run_id=record.run_id, duration_ms=record.duration_ms, outputs=outputs)


def _snapshot_answer(outcome: Outcome[ProjectSnapshot]) -> SnapshotAnswer:
    if outcome.error is not None:
        return SnapshotFailure(error=run_error(outcome.error))
    snapshot = outcome.value()
    return SnapshotSuccess(
        metadata=snapshot.metadata,
        pipelines=snapshot.pipelines,
        datasets=snapshot.datasets,
        parameters=snapshot.parameters,
    )
