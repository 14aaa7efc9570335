"""Call a server from async Python."""

import math
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import anyio
import msgspec

try:
    import httpx
except ImportError as error:
    raise ImportError(f"The client needs an extra: pip install 'kedro-asgi[client]' ({error}).") from error

from kedro_asgi.calling import Caller, backoff_seconds, decoded
from kedro_asgi.errors import (
    ProjectFailedError,
    RunFailedError,
    UnencodableRequestError,
)
from kedro_asgi.events import RunEnded, RunEvent
from kedro_asgi.runs import RunPage, RunRecord, RunStatus
from kedro_asgi.schemas import (
    HealthResponse,
    Problem,
    ReadyResponse,
    ReloadResponse,
    RunAnswer,
    RunFailure,
    RunRequest,
    RunSubmission,
    RunSuccess,
    SnapshotAnswer,
    SnapshotFailure,
    SnapshotSuccess,
)
from kedro_asgi.sse import ServerSentEvents

T = TypeVar("T")

_LONGEST_WAIT_SECONDS = 30.0
# Servers send a comment into a silent stream every 15 seconds: after that time without any, the connection is dead.
_SILENCE_SECONDS = 45.0

_HEALTH = msgspec.json.Decoder(HealthResponse)
_RUN: msgspec.json.Decoder[RunAnswer] = msgspec.json.Decoder(RunAnswer)
_RECORD = msgspec.json.Decoder(RunRecord)
_PAGE = msgspec.json.Decoder(RunPage)
_READY = msgspec.json.Decoder(ReadyResponse)
_RELOAD = msgspec.json.Decoder(ReloadResponse)
_PROBLEM = msgspec.json.Decoder(Problem)
_EVENT: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_SNAPSHOT: msgspec.json.Decoder[SnapshotAnswer] = msgspec.json.Decoder(SnapshotAnswer)


class AsyncClient:
    """A client of one server, at ``base_url`` or, with ``app``, of an ASGI application in this process.

    Runs may take any time, so only connecting times out, after ``connect_timeout_seconds``, unless
    ``timeout_seconds`` limits whole answers. What is safe to send again is, up to ``retries`` times: after the time
    that the server asks for, else after twice as long each time. Further ``options`` go to ``httpx.AsyncClient``.
    Every error is of kedro-asgi's tree.
    """

    def __init__(
        self,
        base_url: str = "http://kedro-asgi",
        *,
        app: Any = None,
        connect_timeout_seconds: float = 5.0,
        timeout_seconds: float | None = None,
        retries: int = 4,
        **options: Any,
    ) -> None:
        if app is not None:
            options["transport"] = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        timeout = httpx.Timeout(timeout_seconds, connect=connect_timeout_seconds)
        # An answer that is to be waited for comes within the time of an answer.
        self._wait_seconds = min(_LONGEST_WAIT_SECONDS, (timeout_seconds or math.inf) / 2)
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout, **options)
        self._caller = Caller(self._http, retries=retries)

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
        key: str | None = None,
    ) -> RunSuccess:
        """Run pipelines and return the answer; ``outputs`` are JSON values. Raises `RunFailedError`.

        With a ``key`` that is the caller's own for this run, it is safe to send again, and is if the answer got lost.
        """
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
        match await self._ask("POST", "run", _RUN, **_body(request, key), is_idempotent=key is not None):
            case RunFailure(run_id=run_id, error=error):
                raise RunFailedError(run_id, error.type, error.message)
            case success:
                return success

    async def submit(
        self,
        pipeline_names: Iterable[str] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Iterable[str] | None = None,
        timeout_seconds: float | None = None,
        labels: Mapping[str, str] | None = None,
        on_interrupt: Literal["mark", "rerun"] = "mark",
        key: str | None = None,
        **words: Any,
    ) -> RunRecord:
        """Promise a run and return its record; further ``words`` are those of `run`, and ``outputs`` are kept.

        Without a ``key`` of the caller's own one is made up, so that a lost answer makes no second run.
        """
        submission = RunSubmission(
            pipeline_names=_list(pipeline_names),
            params=dict(params) if params is not None else None,
            inputs=dict(inputs) if inputs is not None else None,
            outputs=_list(outputs),
            timeout_seconds=timeout_seconds,
            labels=dict(labels) if labels is not None else None,
            on_interrupt=on_interrupt,
            **{name: _plain(value) for name, value in words.items()},
        )
        return await self._ask("POST", "runs", _RECORD, **_body(submission, key or uuid.uuid4().hex))

    async def read(self, run_id: str) -> RunRecord:
        """Return what is known of a run."""
        return await self._ask("GET", _path(run_id), _RECORD)

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunRecord:
        """Return the record when the run has ended, or as it is after ``timeout_seconds``."""
        record = await self.read(run_id)
        with anyio.move_on_after(timeout_seconds):
            while not record.is_final:
                record = await self._ask("GET", _path(run_id), _RECORD, params={"wait": self._wait_seconds})
        return record

    async def runs(
        self,
        *,
        status: RunStatus | None = None,
        pipeline: str | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """Return runs, newest first; the page's ``cursor`` leads to older ones."""
        query: dict[str, Any] = {"status": status, "pipeline": pipeline, "limit": limit, "cursor": cursor}
        query["label"] = [f"{name}={value}" for name, value in (labels or {}).items()]
        query["since"] = None if since is None else since.isoformat()
        asked = {name: value for name, value in query.items() if value is not None}
        return await self._ask("GET", "runs", _PAGE, params=asked)

    async def cancel(self, run_id: str) -> RunRecord:
        """Ask a run to stop and return its record; nothing happens to one that has ended."""
        return await self._ask("POST", _path(run_id, "cancel"), _RECORD)

    async def output(self, run_id: str, name: str) -> Any:
        """Return an output that a run keeps."""
        return await self._ask("GET", _path(run_id, "outputs", name), _ANY)

    async def ready(self) -> ReadyResponse:
        """Return whether the server is ready for runs, and what keeps it from that."""
        return await self._ask("GET", "ready", _READY, accepted=(503,))

    async def reload(self) -> ReloadResponse:
        """Have configuration and artifacts read again; raises `ProblemError` if they cannot be, and nothing changed."""
        return await self._ask("POST", "reload", _RELOAD, is_idempotent=False)

    async def events(self, run_id: str | None = None, *, after: int = 0) -> AsyncGenerator[RunEvent, None]:
        """Tell the events of a run behind number ``after`` until it ends, or those of all runs from now on.

        A broken connection is made again, and the stream goes on where it broke; after ``retries`` failures in
        succession, `ServerUnreachableError` is raised.
        """
        stream = ServerSentEvents(self._http, "events" if run_id is None else _path(run_id, "events"))
        stream.last_id = str(after) if after else None
        failures, is_over = 0, False
        while not is_over:
            try:
                async with aclosing(stream.read(timeout_seconds=_SILENCE_SECONDS)) as told:
                    async for data in told:
                        failures, event = 0, decoded(_EVENT, data, stream.path)
                        # The server ends the stream behind a run's last event: it is read to its end.
                        is_over = run_id is not None and isinstance(event, RunEnded)
                        yield event
                is_over = is_over or (run_id is not None and (await self.read(run_id)).is_final)
            except httpx.HTTPError as error:
                self._caller.give_up_if_hopeless(error, failures)
                failures += 1
            if not is_over:
                await anyio.sleep(backoff_seconds(max(failures - 1, 0)))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(
        self, method: str, path: str, decoder: msgspec.json.Decoder[T], *, is_idempotent: bool = True, **options: Any
    ) -> T:
        answer = await self._caller.ask(method, path, is_idempotent=is_idempotent, **options)
        return decoded(decoder, answer.content, path)


def _path(*names: str) -> str:
    return "/".join(["runs", *(quote(name) for name in names)])


def _body(request: RunRequest, key: str | None) -> dict[str, Any]:
    headers = {"content-type": "application/json"}
    if key is not None:
        headers["idempotency-key"] = key
    return {"content": _encode(request), "headers": headers}


def _encode(request: RunRequest) -> bytes:
    try:
        return msgspec.json.encode(request)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnencodableRequestError(str(error)) from error


def _plain(value: Any) -> Any:
    """Words of a request are names, flags and mappings; whatever else can be walked is a list."""
    return value if value is None or isinstance(value, str | bool | Mapping) else list(value)


def _list(names: Iterable[str] | None) -> list[str] | None:
    if names is None:
        return None
    return [names] if isinstance(names, str) else list(names)
