"""The routes of Kedro's server: ``/health``, ``/snapshot`` and ``/run``."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kedro_asgi.dispatch import Dispatcher, Finished
from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON
from kedro_asgi.runs import ErrorDetail, RunOrder
from kedro_asgi.schemas import (
    HealthResponse,
    RunAnswer,
    RunFailure,
    RunRequest,
    RunSuccess,
)
from kedro_asgi.server.access.caller import may_see_all
from kedro_asgi.server.bodies import BodyReader, idempotency_key, run_spec
from kedro_asgi.server.columnar.runs import ColumnarRuns
from kedro_asgi.server.content_negotiation import STREAMS, MediaTypes, media_types
from kedro_asgi.server.direct_routes import Endpoint
from kedro_asgi.server.disconnection import until_disconnected
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.queries import cancels_on_hang_up, run_timeout_seconds
from kedro_asgi.server.snapshot_route import SnapshotRoute
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession
from kedro_asgi.versions import kedro_version

_JSON_TYPE = (b"content-type", JSON.encode())


class KedroRoutes:
    """Kedro's endpoints of one served project."""

    def __init__(
        self,
        session: AsyncSession,
        runs: Dispatcher,
        bodies: BodyReader,
        pipelines: TypedPipelines,
        *,
        cancel_on_hang_up: bool,
        failure_status: int,
    ) -> None:
        self._runs = runs
        self._bodies = bodies
        self._cancel_on_hang_up = cancel_on_hang_up
        self._failure_status = failure_status
        self.columnar = ColumnarRuns(bodies, pipelines, self, failure_status=failure_status)
        self._snapshot = SnapshotRoute(session)
        self._health = encode_json(HealthResponse(kedro_version=kedro_version()))

    def table(self) -> list[Route]:
        """Return the routes; they refuse ``HEAD`` (SRV-11)."""
        table = [
            Route("/run", Endpoint(self.run), name="run", methods=["POST"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/snapshot", self._snapshot, name="snapshot", methods=["GET"]),
        ]
        for route in table:
            assert route.methods is not None
            route.methods.discard("HEAD")
        return table

    async def health(self, request: Request) -> Response:
        """Return a constant, which shows that the event loop runs, or what keeps runs from beginning."""
        problem = self._runs.executor_problem
        if problem is None or not may_see_all(request.scope):
            return Response(self._health, media_type=JSON)
        return json_response(HealthResponse(kedro_version=kedro_version(), executor=problem))

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the pipelines that the body names, and respond when the run has ended."""
        request = Request(scope, receive, send)
        kinds = media_types(scope)
        if kinds is not None and kinds.is_columnar:
            response = await self.columnar.run(request, kinds)
            await response(scope, receive, send)
            return
        timeout_seconds = run_timeout_seconds(request)
        body, size_bytes = await self._bodies.read(request, RunRequest)
        order = RunOrder(spec=run_spec(body), timeout_seconds=timeout_seconds, key=idempotency_key(request))
        with_outputs = body.outputs is not None
        del body  # it may be large, and the run may wait for long
        orders = [order]
        del order
        if kinds is not None and kinds.answer in STREAMS:
            stream = self._stream(request, orders, kinds, json_bytes=size_bytes, with_outputs=with_outputs)
            await stream(scope, receive, send)
            return
        answer, status = await self._run(request, orders, json_bytes=size_bytes, with_outputs=with_outputs)
        headers = [(b"content-length", b"%d" % len(answer)), _JSON_TYPE]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def run_order(
        self,
        request: Request,
        order: RunOrder,
        kinds: MediaTypes | None,
        *,
        json_bytes: int | None,
        with_outputs: bool = True,
    ) -> Response:
        """Run an order whose values came from JSON of that size, if they did; respond at its end, or with a stream."""
        orders = [order]
        del order
        if kinds is not None and kinds.answer in STREAMS:
            return self._stream(request, orders, kinds, json_bytes=json_bytes, with_outputs=with_outputs)
        answer, status = await self._run(request, orders, json_bytes=json_bytes, with_outputs=with_outputs)
        return Response(answer, status, media_type=JSON)

    def _stream(
        self,
        request: Request,
        orders: list[RunOrder],
        kinds: MediaTypes,
        *,
        json_bytes: int | None,
        with_outputs: bool,
    ) -> Response:
        # Few callers stream.
        from kedro_asgi.server.streamed_runs import StreamedRun

        return StreamedRun(
            self._runs,
            orders,
            kinds.answer,
            json_bytes=json_bytes,
            cancels=cancels_on_hang_up(request, default=self._cancel_on_hang_up),
            answer=partial(_run_answer, with_outputs=with_outputs),
        )

    async def _run(
        self, request: Request, orders: list[RunOrder], *, json_bytes: int | None, with_outputs: bool
    ) -> tuple[bytes, int]:
        finished = await self.finish(request, orders, json_bytes=json_bytes)
        answer = encode_json(_run_answer(finished, with_outputs=with_outputs))
        return answer, 200 if finished.record.status == "success" else self._failure_status

    def finish(self, request: Request, orders: list[RunOrder], *, json_bytes: int | None) -> Awaitable[Finished]:
        """Run the one order of a list, which gives it up: its values may be large, and the run may wait for long.

        The values came from JSON of that size.
        """
        cancels = cancels_on_hang_up(request, default=self._cancel_on_hang_up)
        until = partial(until_disconnected, request.receive) if cancels else None
        return self._runs.run(orders.pop(), until=until, json_bytes=json_bytes)

    def describe(self, finished: Finished, *, with_outputs: bool) -> RunAnswer:
        """Return the answer to a run that has ended."""
        return _run_answer(finished, with_outputs=with_outputs)


def _run_answer(finished: Finished, *, with_outputs: bool) -> RunAnswer:
    record = finished.record
    duration_ms = record.duration_ms or 0.0
    if record.status != "success":
        # Only a run that another worker left without an end has no error.
        error = record.error or ErrorDetail(type="RunInterruptedError", message=f"The run is {record.status}.")
        return RunFailure(run_id=record.run_id, duration_ms=duration_ms, error=error)
    outputs: dict[str, Any] | None = dict(finished.outputs) if with_outputs else None
    problems = dict(record.output_problems)
    return RunSuccess(run_id=record.run_id, duration_ms=duration_ms, outputs=outputs, output_problems=problems)
