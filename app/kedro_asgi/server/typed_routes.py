"""The routes of single pipelines: a schema for each, and a run that is checked against it before it begins."""

from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.encoding import encode_json
from kedro_asgi.runs import SLICE_FILTERS, RunOrder, Slice
from kedro_asgi.server.bodies import BodyReader, JsonBody, idempotency_key
from kedro_asgi.server.columnar.runs import with_tables
from kedro_asgi.server.content_negotiation import MediaTypes, media_types
from kedro_asgi.server.errors import InvalidBodyError
from kedro_asgi.server.kedro_routes import KedroRoutes
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.problems import InvalidQueryError, explain_project_error, explain_unreadable
from kedro_asgi.server.queries import prefers_async, wait_seconds
from kedro_asgi.server.run_routes import RunRoutes
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.typed_schemas import slice_in


class TypedRoutes:
    """``POST /pipelines/{name}/run`` and ``GET /pipelines/{name}/schema`` of one served project."""

    def __init__(
        self,
        pipelines: TypedPipelines,
        orders: TypedOrders,
        bodies: BodyReader,
        *,
        kedro_routes: KedroRoutes,
        run_routes: RunRoutes,
    ) -> None:
        self._pipelines = pipelines
        self._orders = orders
        self._bodies = bodies
        self._kedro_routes = kedro_routes
        self._run_routes = run_routes
        self._columnar = kedro_routes.columnar

    def table(self) -> list[NameRoute]:
        """Return the routes; the name of a pipeline may contain slashes."""
        return [
            NameRoute("/pipelines/{name:path}/run", self.run, methods=["POST"]),
            # Else the name of a pipeline would seem to end with "/run".
            NameRoute("/pipelines/{name:path}/run", self.refuse, methods=["GET"], include_in_schema=False),
            NameRoute("/pipelines/{name:path}/schema", self.schema, methods=["GET"]),
        ]

    async def schema(self, request: Request) -> Response:
        """Return the JSON Schema of the body that runs a pipeline, or the slice of it that the query selects."""
        found = await self._pipelines.find(_slice(request.path_params["name"], request.query_params))
        if found.error is not None:
            return explain_project_error(found.error)
        answer = StaticFile.of(encode_json(found.value().schema), "application/schema+json")
        return static_response(request, answer)

    async def refuse(self, request: Request) -> Response:
        """Respond 405."""
        raise HTTPException(405, headers={"Allow": "POST"})

    async def run(self, request: Request) -> Response:
        """Check the body against the pipeline's schema, then run it as ``/run`` does, or submit it as ``/runs`` does.

        The client chooses: ``Prefer: respond-async`` submits it.
        """
        wait_seconds(request)  # refuses a wrong one before anything runs
        kinds = media_types(request.scope)
        try:
            if kinds is not None and kinds.is_columnar:
                return await self._run_with_tables(request, kinds)
            return await self._run(request, kinds)
        except (InvalidBodyError, HTTPException) as error:
            return await explain_unreadable(error)

    async def _run(self, request: Request, kinds: MediaTypes | None) -> Response:
        body = await self._bodies.read_json(request)
        found = await self._pipelines.find(slice_in(body.document, request.path_params["name"]))
        if found.error is not None:
            return explain_project_error(found.error)
        size_bytes, keeps_columns = body.size, _keeps_columns(body.document)
        order = await self._orders.order(found.value(), body, key=idempotency_key(request))
        del body  # it may be large, and the run may wait for long
        if prefers_async(request):
            return await self._submit(request, order, json_bytes=size_bytes, keeps_columns=keeps_columns)
        return await self._kedro_routes.run_order(request, order, kinds, json_bytes=size_bytes)

    async def _run_with_tables(self, request: Request, kinds: MediaTypes) -> Response:
        """Do the same for a body or an answer with tables; the first rows of a table are checked."""
        body = await self._columnar.read_any(request, kinds)
        found = await self._pipelines.find(slice_in(body.document, request.path_params["name"]))
        if found.error is not None:
            return explain_project_error(found.error)
        json_bytes, keeps_columns = body.json_bytes, _keeps_columns(body.document)
        tables, document = await self._columnar.named_tables(body, found.value())
        checked = JsonBody(document=document, size=json_bytes or 0)
        order = with_tables(await self._orders.order(found.value(), checked, key=idempotency_key(request)), tables)
        del body, tables, document, checked
        if prefers_async(request):
            return await self._submit(request, order, json_bytes=json_bytes, keeps_columns=keeps_columns)
        if kinds.has_columnar_answer:
            return await self._columnar.answer(request, order, kinds, json_bytes=json_bytes)
        return await self._kedro_routes.run_order(request, order, kinds, json_bytes=json_bytes)

    async def _submit(
        self, request: Request, order: RunOrder, *, json_bytes: int | None, keeps_columns: bool
    ) -> Response:
        if keeps_columns:
            order = await self._columnar.keeping_columns(order)
        return await self._run_routes.submit_order(request, order, json_bytes=json_bytes)


def _keeps_columns(document: Any) -> bool:
    return isinstance(document, dict) and document.get("output_format") == "arrow"


def _slice(name: str, query: QueryParams) -> Slice:
    if unknown := sorted(set(query) - set(SLICE_FILTERS)):
        raise InvalidQueryError(
            f"'{unknown[0]}' is unknown; the parameters of a schema are {', '.join(SLICE_FILTERS)}."
        )
    return Slice(pipeline_names=(name,), **{field: tuple(query.getlist(field)) for field in SLICE_FILTERS})
