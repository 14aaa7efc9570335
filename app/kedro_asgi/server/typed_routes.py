"""The routes of single pipelines: a schema for each, and a run that is checked against it before it begins."""

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.encoding import encode_json
from kedro_asgi.errors.wording import shortened
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.schemas import RunSubmission, ValidationError
from kedro_asgi.server.bodies import BodyReader, JsonBody, idempotency_key
from kedro_asgi.server.errors import InvalidBodyError
from kedro_asgi.server.kedro_routes import KedroRoutes
from kedro_asgi.server.name_routes import NameRoute
from kedro_asgi.server.problems import (
    InvalidQueryError,
    explain_body_error,
    explain_http_error,
    explain_project_error,
)
from kedro_asgi.server.queries import prefers_async, wait_seconds
from kedro_asgi.server.run_routes import RunRoutes
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.typed_schemas import slice_in
from kedro_asgi.server.validation import placed_problem
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.server.typed_pipeline import TypedPipeline
    from kedro_asgi.signatures import BodyProblem

# A response must not be many times larger than its request.
_MAX_PROBLEMS = 100
_MAX_TEXT = 200
_FILTERS = tuple(name for name in Slice.__struct_fields__ if name != "pipeline_names")


class TypedRoutes:
    """``POST /pipelines/{name}/run`` and ``GET /pipelines/{name}/schema`` of one served project."""

    def __init__(
        self,
        session: AsyncSession,
        pipelines: TypedPipelines,
        bodies: BodyReader,
        *,
        kedro_routes: KedroRoutes,
        run_routes: RunRoutes,
    ) -> None:
        self._session = session
        self._pipelines = pipelines
        self._bodies = bodies
        self._kedro_routes = kedro_routes
        self._run_routes = run_routes

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
        try:
            body = await self._bodies.read_json(request)
        except InvalidBodyError as error:
            return await explain_body_error(request, error)
        except HTTPException as error:
            return await explain_http_error(request, error)
        found = await self._pipelines.find(slice_in(body.document, request.path_params["name"]))
        if found.error is not None:
            return explain_project_error(found.error)
        try:
            submission = await self._checked(found.value(), body)
        except InvalidBodyError as error:
            return await explain_body_error(request, error)
        order, size_bytes = _order(found.value(), submission, idempotency_key(request)), body.size
        del body, submission  # they may be large, and the run may wait for long
        if prefers_async(request):
            return await self._run_routes.submit_order(request, order, json_bytes=size_bytes)
        return await self._kedro_routes.run_order(request, order, json_bytes=size_bytes)

    async def _checked(self, pipeline: "TypedPipeline", body: JsonBody) -> RunSubmission:
        """Return the run that a body describes; raises `InvalidBodyError`."""
        submission = await self._bodies.work_on(body, partial(_submission, pipeline, body.document))
        if submission.params and pipeline.has_models:
            params = submission.params
            outcome = await self._session.in_free_thread(lambda _: pipeline.model_problems(params))
            # A configuration that cannot be evaluated fails the run, which reports it.
            _refuse([] if outcome.error is not None else outcome.value(), body.document)
        return submission


def _slice(name: str, query: QueryParams) -> Slice:
    if unknown := sorted(set(query) - set(_FILTERS)):
        raise InvalidQueryError(f"'{unknown[0]}' is unknown; the parameters of a schema are {', '.join(_FILTERS)}.")
    return Slice(pipeline_names=(name,), **{field: tuple(query.getlist(field)) for field in _FILTERS})


def _submission(pipeline: "TypedPipeline", document: Any) -> RunSubmission:
    _refuse(list(islice(pipeline.check.problems(document), _MAX_PROBLEMS)), document)
    try:
        return msgspec.convert(document, RunSubmission)
    except msgspec.ValidationError as error:
        # A whole number with a fraction of zero is an integer in JSON Schema.
        raise InvalidBodyError([placed_problem(error, ["body"])]) from error


def _refuse(problems: "list[BodyProblem]", document: Any) -> None:
    if problems:
        raise InvalidBodyError([_validation_error(found, document) for found in problems])


def _validation_error(problem: "BodyProblem", document: Any) -> ValidationError:
    value: Any = document
    for key in problem.path:
        try:
            value = value[key]
        except (LookupError, TypeError):
            value = None
    # The caller has the rest of a large value.
    text = shortened(value, _MAX_TEXT) if isinstance(value, str) else None
    shown = value if isinstance(value, int | float | bool | None) else text
    return ValidationError(type=problem.kind, loc=["body", *problem.path], msg=problem.message, input=shown)


def _order(pipeline: "TypedPipeline", submission: RunSubmission, key: str | None) -> RunOrder:
    outputs = pipeline.signature.default_outputs if submission.outputs is None else tuple(submission.outputs)
    spec = RunSpec(
        slice=pipeline.slice,
        runtime_params=submission.params or {},
        load_versions=submission.load_versions or {},
        inputs=submission.inputs or {},
        outputs=outputs,
        only_missing_outputs=submission.only_missing_outputs,
        runner=submission.runner,
        is_async=submission.is_async,
        retries=submission.retries,
    )
    return RunOrder(
        spec=spec,
        labels=submission.labels or {},
        timeout_seconds=submission.timeout_seconds,
        on_interrupt=submission.on_interrupt,
        key=key,
    )
