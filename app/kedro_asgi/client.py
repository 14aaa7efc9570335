"""Call a server from async Python."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from kedro_asgi.errors import (
    InvalidAnswerError,
    InvalidRequestError,
    ProjectFailedError,
    RunFailedError,
    ServerStatusError,
    ServerUnreachableError,
    UnencodableRequestError,
)
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

T = TypeVar("T")

_HEALTH = msgspec.json.Decoder(HealthResponse)
_RUN: msgspec.json.Decoder[RunAnswer] = msgspec.json.Decoder(RunAnswer)
_SNAPSHOT: msgspec.json.Decoder[SnapshotAnswer] = msgspec.json.Decoder(SnapshotAnswer)


class AsyncClient:
    """A client of one server, at ``base_url`` or, with ``app``, of an ASGI application in this process.

    Runs may take any time, so only connecting times out, after ``connect_timeout_seconds``, unless
    ``timeout_seconds`` limits whole answers. Further ``options`` go to ``httpx.AsyncClient``. Every error is of
    kedro-asgi's tree.
    """

    def __init__(
        self,
        base_url: str = "http://kedro-asgi",
        *,
        app: Any = None,
        connect_timeout_seconds: float = 5.0,
        timeout_seconds: float | None = None,
        **options: Any,
    ) -> None:
        if app is not None:
            options["transport"] = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        timeout = httpx.Timeout(timeout_seconds, connect=connect_timeout_seconds)
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout, **options)

    async def health(self) -> HealthResponse:
        """Return what ``GET /health`` says."""
        return await self._ask("GET", "health", _HEALTH)

    async def snapshot(self, params: str | None = None) -> SnapshotSuccess:
        """Return the project's snapshot, with ``params`` (``a=1,b.c=2``) applied; raises `ProjectFailedError`."""
        query = {} if params is None else {"params": params}
        match await self._ask("GET", "snapshot", _SNAPSHOT, params=query):
            case SnapshotFailure(error=error):
                raise ProjectFailedError(error.type, error.message)
            case snapshot:
                return snapshot

    async def run(
        self,
        pipeline_names: Iterable[str] | None = None,
        *,
        tags: Iterable[str] | None = None,
        runner: str | None = None,
        is_async: bool = False,
        node_names: Iterable[str] | None = None,
        from_nodes: Iterable[str] | None = None,
        to_nodes: Iterable[str] | None = None,
        from_inputs: Iterable[str] | None = None,
        to_outputs: Iterable[str] | None = None,
        load_versions: Mapping[str, str] | None = None,
        namespaces: Iterable[str] | None = None,
        only_missing_outputs: bool = False,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Iterable[str] | None = None,
    ) -> RunSuccess:
        """Run pipelines and return the answer; ``outputs`` are JSON values. Raises `RunFailedError`."""
        request = RunRequest(
            from_inputs=_list(from_inputs),
            to_outputs=_list(to_outputs),
            from_nodes=_list(from_nodes),
            to_nodes=_list(to_nodes),
            node_names=_list(node_names),
            runner=runner,
            is_async=is_async,
            tags=_list(tags),
            load_versions=dict(load_versions) if load_versions is not None else None,
            pipeline_names=_list(pipeline_names),
            namespaces=_list(namespaces),
            params=dict(params) if params is not None else None,
            only_missing_outputs=only_missing_outputs,
            inputs=dict(inputs) if inputs is not None else None,
            outputs=_list(outputs),
        )
        headers = {"content-type": "application/json"}
        match await self._ask("POST", "run", _RUN, content=_encode(request), headers=headers):
            case RunFailure(run_id=run_id, error=error):
                raise RunFailedError(run_id, error.type, error.message)
            case success:
                return success

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(self, method: str, path: str, decoder: msgspec.json.Decoder[T], **options: Any) -> T:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ServerUnreachableError(str(self._http.base_url), str(error) or type(error).__name__) from error
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise InvalidRequestError(answer.text)
        if answer.status_code != httpx.codes.OK:
            raise ServerStatusError(answer.status_code, answer.text)
        try:
            return decoder.decode(answer.content)
        except msgspec.DecodeError as error:
            raise InvalidAnswerError(f"{answer.url}", str(error)) from error


def _encode(request: RunRequest) -> bytes:
    try:
        return msgspec.json.encode(request)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnencodableRequestError(str(error)) from error


def _list(names: Iterable[str] | None) -> list[str] | None:
    if names is None:
        return None
    return [names] if isinstance(names, str) else list(names)
