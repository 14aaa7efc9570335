"""The endpoints of the Open Inference Protocol: some describe pipelines, and one runs them."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.dispatch import Finished
from kedro_asgi.failures import failure_sentence
from kedro_asgi.inference_schemas import (
    ModelList,
    ModelReady,
    RepositoryModel,
    RepositoryQuery,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from kedro_asgi.media_types import JSON
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RunOrder, RunStatus, Slice
from kedro_asgi.server.access.caller import limits_of
from kedro_asgi.server.bodies import BodyReader, JsonBody, idempotency_key
from kedro_asgi.server.errors import InvalidBodyError, json_response
from kedro_asgi.server.inference.errors import InferenceError
from kedro_asgi.server.inference.inputs import run_document
from kedro_asgi.server.inference.metadata import configure_model, describe_model
from kedro_asgi.server.inference.model import Model
from kedro_asgi.server.inference.outputs import InferenceAnswer, WantedOutput, names_of, wanted_outputs, write_answer
from kedro_asgi.server.inference.request import read_inference
from kedro_asgi.server.inference_errors import error_response, protocol_error
from kedro_asgi.server.kedro_routes import KedroRoutes
from kedro_asgi.server.problems import explain_project_error
from kedro_asgi.server.queries import header
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipeline import TypedPipeline
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.validation import JSON_TYPE
from kedro_asgi.session import AsyncSession

_EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository")
_BYTES_TYPE = "application/octet-stream"
_QUERY = msgspec.json.Decoder(RepositoryQuery)
_HEADER = "Inference-Header-Content-Length"
# How many bytes of JSON stand for a byte of a binary number, about.
_JSON_BYTES = 3
_STATUSES: Mapping[RunStatus, int] = {"timed_out": 504, "cancelled": 503, "interrupted": 503}
# Errors of a run that speak of what the caller has sent.
_CALLERS_ERRORS = ("InputTableError", "InputTypeError")


class _Prepared(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The run that a request asks for, and how its outputs are to be sent."""

    id: str
    document: dict[str, Any]
    wanted: tuple[WantedOutput, ...]
    json_bytes: int


class InferenceEndpoints:
    """The endpoints of one served project; `InferenceRoutes` says where each stands."""

    def __init__(
        self,
        session: AsyncSession,
        pipelines: TypedPipelines,
        orders: TypedOrders,
        bodies: BodyReader,
        *,
        kedro_routes: KedroRoutes,
        ready: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._session = session
        self._pipelines = pipelines
        self._orders = orders
        self._bodies = bodies
        self._kedro_routes = kedro_routes
        self._ready = ready
        self._models: dict[str, tuple[TypedPipeline, Model]] = {}
        self._server = ServerMetadata(name="kedro-asgi", version=_version(), extensions=_EXTENSIONS)

    # --- the server ---

    async def server(self, request: Request) -> Response:
        """Describe the server."""
        return json_response(self._server)

    async def live(self, request: Request) -> Response:
        """Return a constant."""
        return json_response(ServerLive(live=True))

    async def ready(self, request: Request) -> Response:
        """Respond as ``GET /ready`` does, in the form of the protocol."""
        answer = await self._ready(request)
        response = json_response(
            ServerReady(live=True, ready=answer.status_code == 200), status_code=answer.status_code
        )
        response.background = answer.background
        return response

    # --- pipelines ---

    async def models(self, request: Request) -> Response:
        """List the pipelines that can run, as far as the caller may use them."""
        found = await self._listed(request)
        if isinstance(found, Response):
            return found
        return json_response(ModelList(models=tuple(model.name for model in found if model.state == "READY")))

    async def index(self, request: Request) -> Response:
        """List all pipelines with their states, as far as the caller may use them."""
        body = await self._bodies.read_bytes(request)
        try:
            query = _QUERY.decode(body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return error_response(f"The request does not fit the protocol: {error}.", 400)
        found = await self._listed(request)
        if isinstance(found, Response):
            return found
        return json_response([model for model in found if model.state == "READY" or not query.ready])

    async def _listed(self, request: Request) -> list[RepositoryModel] | Response:
        limits = limits_of(request.scope)
        found = await self._session.in_free_thread(lambda session: _repository(session.engine.planner))
        if found.error is not None:
            return protocol_error(explain_project_error(found.error))
        return [model for model in found.value() if limits is None or model.name in limits]

    async def model(self, request: Request) -> Response:
        """Describe a pipeline."""
        found = await self._find(request.path_params["name"])
        return found if isinstance(found, Response) else json_response(describe_model(found[1]))

    async def configuration(self, request: Request) -> Response:
        """Describe a pipeline as load generators want it."""
        found = await self._find(request.path_params["name"])
        return found if isinstance(found, Response) else json_response(configure_model(found[1]))

    async def model_ready(self, request: Request) -> Response:
        """Tell whether a pipeline can run."""
        name = request.path_params["name"]
        found = await self._find(name)
        return found if isinstance(found, Response) else json_response(ModelReady(name=name, ready=True))

    async def _find(self, name: str) -> tuple[TypedPipeline, Model] | Response:
        """Return a pipeline, or the answer where there is none."""
        found = await self._pipelines.find(Slice(pipeline_names=(name,)))
        if found.error is not None:
            return protocol_error(explain_project_error(found.error))
        pipeline = found.value()
        kept = self._models.get(name)
        if kept is None or kept[0] is not pipeline:
            if kept is not None:
                # The project was read again.
                self._models.clear()
            kept = self._models[name] = (pipeline, Model.of(name, pipeline.signature))
        return kept

    # --- inference ---

    async def infer(self, request: Request) -> Response:
        """Run a pipeline with the tensors of a request; respond with its outputs when it has ended."""
        try:
            return await self._infer(request)
        except InferenceError as error:
            more = {} if error.run_id is None else {"run_id": error.run_id}
            return error_response(error.message, error.status, **more)

    async def _infer(self, request: Request) -> Response:
        _check_headers(request)
        key = idempotency_key(request)
        body = await self._bodies.read_bytes(request)
        found = await self._find(request.path_params["name"])
        if isinstance(found, Response):
            return found
        pipeline, model = found
        prepare = partial(_prepare, body, header(request, _HEADER.lower().encode()), model)
        prepared = await self._bodies.work_on(body, prepare)
        orders = [await self._order(pipeline, prepared, key=key)]
        id_, wanted, size = prepared.id, prepared.wanted, prepared.json_bytes
        del body, prepare, prepared  # they may be large, and the run may wait for long
        finished = await self._kedro_routes.finish(request, orders, json_bytes=size)
        outputs = _outputs(finished, names_of(wanted))
        write = partial(write_answer, model, outputs, wanted, run_id=finished.record.run_id, request_id=id_)
        size = sum(len(bytes(content)) for content in outputs.values())
        return _response(await self._bodies.work_on(JsonBody(document=None, size=size), write))

    async def _order(self, pipeline: TypedPipeline, prepared: _Prepared, *, key: str | None) -> RunOrder:
        body = JsonBody(document=prepared.document, size=prepared.json_bytes)
        try:
            return await self._orders.order(pipeline, body, key=key)
        except InvalidBodyError as error:
            raise InferenceError(error.sentence()) from error


def _repository(planner: Planner) -> list[RepositoryModel]:
    pipelines = planner.project.pipelines
    broken = {name: failure_sentence(error) for name, error in pipelines.broken().items()}
    ready = [name for name, found in pipelines.load().items() if found.nodes]
    return [
        *(RepositoryModel(name=name, state="READY", reason="") for name in ready),
        *(RepositoryModel(name=name, state="UNAVAILABLE", reason=reason) for name, reason in broken.items()),
    ]


def _check_headers(request: Request) -> None:
    kind = (header(request, b"content-type") or _BYTES_TYPE).partition(";")[0].strip()
    if kind.lower() != _BYTES_TYPE and not JSON_TYPE.fullmatch(kind):
        raise InferenceError(f"The content type must be application/json or {_BYTES_TYPE}.", status=415)
    if (header(request, b"content-encoding") or "identity") != "identity":
        raise InferenceError("A body with a content encoding is not supported: send it uncompressed.", status=415)


def _prepare(body: bytes, header_length: str | None, model: Model) -> _Prepared:
    inference = read_inference(body, header_length=header_length)
    wanted = wanted_outputs(inference, model)
    document = run_document(inference, model, outputs=names_of(wanted))
    size = len(body) if header_length is None else _JSON_BYTES * len(body)
    return _Prepared(id=inference.id, document=document, wanted=wanted, json_bytes=size)


def _outputs(finished: Finished, names: list[str]) -> dict[str, msgspec.Raw]:
    """Return the outputs of a run that succeeded, as JSON; raises `InferenceError` for any other."""
    record = finished.record
    if record.status != "success":
        error = record.error
        text = f"The run is {record.status}." if error is None else f"{error.type}: {error.message}"
        is_callers = error is not None and error.type in _CALLERS_ERRORS
        status = 400 if is_callers else _STATUSES.get(record.status, 500)
        raise InferenceError(text, status=status, run_id=record.run_id)
    if missing := next((name for name in names if name not in finished.outputs), None):
        problem = record.output_problems.get(missing, "the run has not kept it")
        raise InferenceError(f"Output '{missing}' cannot be given: {problem}", status=500, run_id=record.run_id)
    return {name: finished.outputs[name] for name in names}


def _response(answer: InferenceAnswer) -> Response:
    if not answer.is_binary:
        return Response(answer.content, media_type=JSON)
    return Response(answer.content, headers={_HEADER: str(answer.json_length)}, media_type=_BYTES_TYPE)


def _version() -> str:
    try:
        return version("kedro-asgi")
    except PackageNotFoundError:
        return "unknown"
