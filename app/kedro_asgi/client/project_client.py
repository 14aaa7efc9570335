"""The part of the client that asks a server for its project, its schedules and its state."""

import math
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from kedro_asgi import pipeline_schemas, schemas
from kedro_asgi.client.request_sender import RequestSender, bearer, decode
from kedro_asgi.errors import ProjectFailedError
from kedro_asgi.run_arguments import Names, names_of
from kedro_asgi.tracing.activation import add_trace_headers

T = TypeVar("T")

_MAX_WAIT_SECONDS = 30.0

_HEALTH = msgspec.json.Decoder(schemas.HealthResponse)
_SNAPSHOT: msgspec.json.Decoder[schemas.SnapshotAnswer] = msgspec.json.Decoder(schemas.SnapshotAnswer)
_PIPELINE = msgspec.json.Decoder(pipeline_schemas.PipelineDescription)
_PIPELINES = msgspec.json.Decoder(pipeline_schemas.PipelineList)
_SCHEDULE = msgspec.json.Decoder(schemas.ScheduleDescription)
_SCHEDULES = msgspec.json.Decoder(schemas.ScheduleList)
_READY = msgspec.json.Decoder(schemas.ReadyResponse)
_RELOAD = msgspec.json.Decoder(schemas.ReloadResponse)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class ProjectClient:
    """The connections to a server, and the requests that begin no runs; `AsyncClient` adds those of runs."""

    def __init__(
        self,
        base_url: str = "http://kedro-asgi",
        *,
        app: Any = None,
        token: str | None = None,
        connect_timeout_seconds: float = 5.0,
        timeout_seconds: float | None = None,
        retries: int = 4,
        **options: Any,
    ) -> None:
        if token is not None:
            options["headers"] = httpx.Headers(options.get("headers"))
            options["headers"]["Authorization"] = bearer(token)
        if app is not None:
            options["transport"] = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        hooks = {**(options.pop("event_hooks", None) or {})}
        options["event_hooks"] = {**hooks, "request": [_continue_trace, *hooks.get("request", ())]}
        timeout = httpx.Timeout(timeout_seconds, connect=connect_timeout_seconds)
        # The server must end a long poll before the client's own time limit.
        self._wait_seconds = min(_MAX_WAIT_SECONDS, (timeout_seconds or math.inf) / 2)
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout, **options)
        self._sender = RequestSender(self._http, retries=retries)

    async def health(self) -> schemas.HealthResponse:
        """Return the answer of ``GET /health``."""
        return await self._request("GET", "health", _HEALTH)

    async def snapshot(self, params: str | None = None) -> schemas.SnapshotSuccess:
        """Return the project's snapshot, with ``params`` (``a=1,b.c=2``) applied; raises `ProjectFailedError`."""
        query = {} if params is None else {"params": params}
        match await self._request("GET", "snapshot", _SNAPSHOT, params=query):
            case schemas.SnapshotFailure(error=error):
                raise ProjectFailedError(error.type, error.message)
            case snapshot:
                return snapshot

    async def schedules(self) -> tuple[schemas.ScheduleDescription, ...]:
        """Return the schedules of the project."""
        return (await self._request("GET", "schedules", _SCHEDULES)).schedules

    async def pause_schedule(self, name: str) -> schemas.ScheduleDescription:
        """Pause a schedule, which then begins no runs, and return it."""
        return await self._request("POST", f"schedules/{quote(name, safe='')}/pause", _SCHEDULE)

    async def resume_schedule(self, name: str) -> schemas.ScheduleDescription:
        """Let a schedule go on with its next tick, and return it."""
        return await self._request("POST", f"schedules/{quote(name, safe='')}/resume", _SCHEDULE)

    async def pipelines(self) -> pipeline_schemas.PipelineList:
        """Return the registered pipelines."""
        return await self._request("GET", "pipelines", _PIPELINES)

    async def pipeline(
        self, name: str, *, collapse: Names = None, parameters: bool = True
    ) -> pipeline_schemas.PipelineDescription:
        """Return the graph of a pipeline and its layout, with the namespaces of ``collapse`` as one box each."""
        query = _drawing(collapse, parameters)
        return await self._request("GET", f"pipelines/{quote(name, safe='')}", _PIPELINE, params=query)

    async def graph(
        self, name: str, *, run_id: str | None = None, collapse: Names = None, parameters: bool = True
    ) -> str:
        """Return the picture of a pipeline as SVG, coloured by a run."""
        query = {**_drawing(collapse, parameters), **({} if run_id is None else {"run": run_id})}
        return await self._picture(f"pipelines/{quote(name, safe='')}/graph.svg", params=query)

    async def preview(self, name: str) -> Any:
        """Return the preview of a dataset whose catalog entry asks for one."""
        return await self._request("GET", f"datasets/{quote(name, safe='')}/preview", _ANY)

    async def ready(self) -> schemas.ReadyResponse:
        """Return whether the server is ready for runs, and if not, why."""
        return await self._request("GET", "ready", _READY, accepted=(503,))

    async def reload(self) -> schemas.ReloadResponse:
        """Make the server read configuration and artifacts again; after a `ProblemError` nothing has changed there."""
        return await self._request("POST", "reload", _RELOAD, is_idempotent=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _picture(self, path: str, **options: Any) -> str:
        return (await self._sender.send("GET", path, is_idempotent=True, **options)).text

    async def _request(
        self, method: str, path: str, decoder: msgspec.json.Decoder[T], *, is_idempotent: bool = True, **options: Any
    ) -> T:
        response = await self._sender.send(method, path, is_idempotent=is_idempotent, **options)
        return decode(decoder, response.content, path)


async def _continue_trace(request: httpx.Request) -> None:
    """Tell the server of the current span, if this process uses OpenTelemetry and the caller does not tell itself."""
    if "traceparent" not in request.headers:
        add_trace_headers(request.headers)


def _drawing(collapse: Names, parameters: bool) -> dict[str, Any]:
    return {"collapse": names_of(collapse), "parameters": "true" if parameters else "false"}
