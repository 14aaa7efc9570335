"""The routes of runs and events: each calls one method of the dispatcher."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import anyio.to_thread
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.kept_outputs import is_columnar
from kedro_asgi.media_types import JSON
from kedro_asgi.node_runs import NodeRun
from kedro_asgi.reserved_names import shown_pipelines
from kedro_asgi.runs import RunOrder, RunPage, RunRecord
from kedro_asgi.schemas import RerunRequest, RunNodes, RunSubmission
from kedro_asgi.server.access.visible_runs import as_visible, list_visible, only_visible
from kedro_asgi.server.bodies import BodyReader, idempotency_key, run_order, run_spec
from kedro_asgi.server.columnar.runs import ColumnarRuns
from kedro_asgi.server.content_negotiation import media_types
from kedro_asgi.server.direct_routes import Endpoint
from kedro_asgi.server.errors import InvalidBodyError, json_response
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.pictures import svg_response
from kedro_asgi.server.problems import explain_http_error, explain_unreadable
from kedro_asgi.server.queries import event_names, last_position, last_sequence, prefers_async, run_query, wait_seconds
from kedro_asgi.server.streams import EventStream, only, put_back
from kedro_asgi.server.validation import placed_problem


class RunRoutes:
    """The endpoints for the runs of one served project."""

    def __init__(self, runs: Dispatcher, bodies: BodyReader, columnar: ColumnarRuns) -> None:
        self._runs = runs
        self._bodies = bodies
        self._columnar = columnar

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            # One route, so that ``Allow`` names both methods.
            Route("/runs", Endpoint(self.submit_or_list), name="runs", methods=["GET", "POST"]),
            Route("/runs/{run_id}", self.read, methods=["GET"]),
            Route("/runs/{run_id}/cancel", self.cancel, methods=["POST"]),
            Route("/runs/{run_id}/rerun", self.rerun, methods=["POST"]),
            Route("/runs/{run_id}/events", self.events, methods=["GET"]),
            Route("/runs/{run_id}/nodes", self.nodes, methods=["GET"]),
            Route("/runs/{run_id}/timeline.svg", self.timeline, methods=["GET"]),
            NameRoute("/runs/{run_id}/outputs/{name:path}", self.output, methods=["GET"]),
            Route("/events", self.all_events, methods=["GET"]),
        ]

    async def submit_or_list(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Submit a run (``POST``) or list runs (``GET``)."""
        request = Request(scope, receive, send)
        response = await (self.submit(request) if request.method == "POST" else self.list(request))
        await response(scope, receive, send)

    async def submit(self, request: Request) -> Response:
        """Submit a run; respond 202 with its record, now or after the requested wait."""
        try:
            order, size_bytes = await self._read_order(request)
        except (InvalidBodyError, HTTPException) as error:
            return await explain_unreadable(error)
        return await self.submit_order(request, order, json_bytes=size_bytes)

    async def _read_order(self, request: Request) -> tuple[RunOrder, int | None]:
        """Return the order in a body, and the size of the JSON that its values came from, if they did."""
        kinds = media_types(request.scope)
        if kinds is None or kinds.body == JSON:
            body, size_bytes = await self._bodies.read(request, RunSubmission)
            spec = run_spec(body)
        else:
            (body, spec), size_bytes = await self._columnar.submission(request, kinds, RunSubmission), None
        order = run_order(body, spec, key=idempotency_key(request))
        if body.output_format == "arrow":
            order = await self._columnar.keeping_columns(order)
        return order, size_bytes

    async def submit_order(self, request: Request, order: RunOrder, *, json_bytes: int | None) -> Response:
        """Submit an order whose values came from JSON of that size, if they did; respond as `submit` does."""
        wait = wait_seconds(request)  # refuses a wrong one before anything runs
        record, is_new = await self._runs.accept(order, json_bytes=json_bytes)
        del order
        return await self._accepted(request, record, is_new, wait=wait)

    async def rerun(self, request: Request) -> Response:
        """Repeat a run as a new one; respond as `submit` does."""
        wait = wait_seconds(request)
        try:
            body = _rerun_request((await self._bodies.read_json(request)).document)
        except (InvalidBodyError, HTTPException) as error:
            return await explain_unreadable(error)
        record, is_new = await self._runs.rerun(
            request.path_params["run_id"], from_failure=body.from_failure, key=idempotency_key(request)
        )
        return await self._accepted(request, record, is_new, wait=wait)

    async def _accepted(self, request: Request, record: RunRecord, is_new: bool, *, wait: float) -> Response:
        """Respond 202 with the record of a promised run, now or after the requested wait."""
        if wait:
            record = await self._runs.wait(record.run_id, timeout_seconds=wait)
        headers = {"Location": f"{quote(request.scope.get('root_path', ''))}/runs/{record.run_id}"}
        if not is_new:
            headers["Idempotent-Replayed"] = "true"
        if applied := _applied_preferences(request, wait):
            headers["Preference-Applied"] = applied
        # The order of a run that repeats another one is not that of this request.
        shown = record if record.rerun_of is None else as_visible(record, request)
        return json_response(shown, status_code=202, headers=headers)

    async def list(self, request: Request) -> Response:
        """List runs, newest first."""
        query = run_query(request)
        return json_response(RunPage(runs=()) if query is None else await list_visible(self._runs, query, request))

    async def read(self, request: Request) -> Response:
        """Return the record of a run, now or when it ends within the requested wait."""
        run_id, wait = request.path_params["run_id"], wait_seconds(request)
        record = await (self._runs.wait(run_id, timeout_seconds=wait) if wait else self._runs.read(run_id))
        return json_response(record)

    async def cancel(self, request: Request) -> Response:
        """Cancel a run; respond 200 if it has ended, 202 while it is stopping."""
        record = as_visible(await self._runs.cancel(request.path_params["run_id"]), request)
        return json_response(record, status_code=200 if record.is_final else 202)

    async def nodes(self, request: Request) -> Response:
        """Return the nodes that a run has started, with their durations."""
        run_id = request.path_params["run_id"]
        record = await self._runs.read(run_id)
        nodes = await self._runs.node_runs(run_id)
        return json_response(RunNodes(run_id=run_id, status=record.status, nodes=nodes))

    async def timeline(self, request: Request) -> Response:
        """Return the time line of a run as a picture."""
        record = await self._runs.read(request.path_params["run_id"])
        nodes = await self._runs.node_runs(record.run_id)
        picture = await anyio.to_thread.run_sync(_draw_timeline, record, nodes)
        return svg_response(request, picture)

    async def output(self, request: Request) -> Response:
        """Return a stored output in the form that the reader wants."""
        name, kinds = request.path_params["name"], media_types(request.scope)
        value = await self._runs.output(request.path_params["run_id"], name)
        if is_columnar(value) or (kinds is not None and kinds.has_columnar_answer):
            try:
                return await self._columnar.kept_output(name, value, kinds)
            except HTTPException as error:
                return explain_http_error(error)
        return Response(value, media_type=JSON)

    async def events(self, request: Request) -> Response:
        """Stream the events of a run until it ends; respond 204 if it has ended and nothing is left.

        A browser's ``EventSource`` connects again after each end, until it gets 204.
        """
        run_id, after = request.path_params["run_id"], last_sequence(request)
        record = await self._runs.read(run_id)
        groups = self._runs.follow_in_groups(run_id, after=after)
        if record.is_final and request.method != "HEAD":
            first = await anext(groups, None)
            if first is None:
                return Response(status_code=204)
            groups = put_back(first, groups)
        return EventStream(groups, event_id=lambda event: str(event.sequence or ""))

    async def all_events(self, request: Request) -> Response:
        """Stream the events of all runs, or those of the classes that the request names."""
        names, position = event_names(request), last_position(request)
        groups = only_visible(self._runs.follow_in_groups(position=position), self._runs, request)
        if names:
            groups = only(groups, names)
        return EventStream(groups, event_id=lambda event: event.position)


def _rerun_request(document: Any) -> RerunRequest:
    try:
        return msgspec.convert(document, RerunRequest)
    except msgspec.ValidationError as error:
        raise InvalidBodyError([placed_problem(error, ["body"])]) from error


def _draw_timeline(record: RunRecord, nodes: Sequence[NodeRun]) -> str:
    # Few servers draw, so the modules of graphs are imported with the first picture.
    from kedro_asgi.graph import draw_timeline

    now = datetime.now(UTC)
    names = shown_pipelines(record.pipeline_names)
    return draw_timeline(
        f"Run {record.run_id} of {names}: {record.status}",
        nodes,
        started_at=_timeline_start(record, nodes),
        ended_at=record.ended_at or now,
    )


def _timeline_start(record: RunRecord, nodes: Sequence[NodeRun]) -> datetime:
    """Return when the last attempt of a run began, as far as that is known."""
    starts = [node.first_started_at for node in nodes]
    if record.run_attempt == 1 or not starts:
        starts.append(record.started_at or record.created_at)
    return min(starts)


def _applied_preferences(request: Request, wait: float) -> str:
    applied = ["respond-async"] if prefers_async(request) else []
    if wait and "wait" not in request.query_params:
        applied.append(f"wait={wait:g}")
    return ", ".join(applied)
