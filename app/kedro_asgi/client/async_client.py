"""The async client of a server."""

import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import quote

import anyio
import anyio.to_thread
import msgspec

try:
    import httpx
except ImportError as error:
    raise ImportError(f"The client needs an extra: pip install 'kedro-asgi[client]' ({error}).") from error

from kedro_asgi import schemas
from kedro_asgi.client.project_client import ProjectClient
from kedro_asgi.client.request_bodies import body_of, json_body, json_fields
from kedro_asgi.client.request_sender import backoff_seconds, decode
from kedro_asgi.client.run_stream import RunStream
from kedro_asgi.client.server_sent_events import ServerSentEvents
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import RunFailedError, ServerStatusError
from kedro_asgi.events import RunEnded, RunEvent
from kedro_asgi.run_arguments import Names, ParameterArguments, names_of
from kedro_asgi.runs import RunPage, RunRecord, RunStatus

if TYPE_CHECKING:
    from kedro_asgi.client.columnar import Frames

# A server sends a comment into a silent stream every 15 seconds, so a longer silence means a dead connection.
_SILENCE_SECONDS = 45.0

_RUN: msgspec.json.Decoder[schemas.RunAnswer] = msgspec.json.Decoder(schemas.RunAnswer)
_RECORD = msgspec.json.Decoder(RunRecord)
_PAGE = msgspec.json.Decoder(RunPage)
_NODES = msgspec.json.Decoder(schemas.RunNodes)
_EVENT: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class AsyncClient(ProjectClient):
    """A client of the server at ``base_url``, or of the ASGI application ``app`` in this process.

    It shows the server its ``token``, and no other host: it does not follow redirects. A run may take any time, so only
    connecting has a time limit, ``connect_timeout_seconds``; ``timeout_seconds`` limits each wait for a part of an
    answer. The client repeats a request up to ``retries`` times where that is safe. It waits as long as the server asks
    it to, or twice as long each time. Further ``options`` go to ``httpx.AsyncClient``. Each request tells the current
    span, if the process uses OpenTelemetry. Every error is a `KedroAsgiError`.
    """

    async def run(
        self,
        pipeline_names: Names = None,
        *,
        runner: str | None = None,
        is_async: bool = False,
        outputs: Names = None,
        frames: "Frames | None" = None,
        key: str | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> schemas.RunSuccess:
        """Run pipelines and return the answer; its ``outputs`` are JSON values. Raises `RunFailedError`.

        With ``frames``, the name of a library, frames among the ``inputs`` travel as Arrow, and tables among the
        outputs are frames of that library. Without ``outputs``, the answer then has the free outputs in memory.
        With a ``key``, which must be unique to this run, the client also repeats the request when the answer was lost.
        """
        request = schemas.RunRequest(
            runner=runner,
            is_async=is_async,
            **json_fields(pipeline_names=pipeline_names, outputs=outputs, **arguments),
        )
        return await self._run("run", request, key, frames)

    async def run_pipeline(
        self,
        name: str,
        *,
        runner: str | None = None,
        is_async: bool = False,
        outputs: Names = None,
        frames: "Frames | None" = None,
        key: str | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> schemas.RunSuccess:
        """Run one pipeline as `run` does; the server checks inputs and parameters first, by the types of its nodes.

        Without ``outputs``, the answer has the free outputs that live in memory. Raises `ProblemError` for what the
        server refuses: its ``detail`` names each wrong field.
        """
        fields = json_fields(outputs=outputs, **arguments)
        request = schemas.RunRequest(runner=runner, is_async=is_async, **fields)
        return await self._run(f"pipelines/{quote(name, safe='')}/run", request, key, frames)

    async def _run(
        self, path: str, request: schemas.RunRequest, key: str | None, frames: "Frames | None"
    ) -> schemas.RunSuccess:
        try:
            if frames is None:
                answer = await self._request("POST", path, _RUN, **body_of(request, key), is_idempotent=key is not None)
            else:
                answer = await self._run_with_frames(path, request, key, frames)
        except ServerStatusError as error:
            # A server with a ``failure_status`` answers a failed run so.
            try:
                answer = _RUN.decode(error.body)
            except msgspec.DecodeError:
                raise error from None
        match answer:
            case schemas.RunFailure(run_id=run_id, error=reason):
                raise RunFailedError(run_id, reason.type, reason.message)
            case success:
                return success

    async def _run_with_frames(
        self, path: str, request: schemas.RunRequest, key: str | None, frames: "Frames"
    ) -> schemas.RunAnswer:
        columnar = await _columnar()
        columnar.check_library(frames)
        body = await anyio.to_thread.run_sync(columnar.columnar_body_of, request, key)
        body["headers"]["accept"] = columnar.ACCEPTED_RUN
        response = await self._sender.send("POST", path, is_idempotent=key is not None, **body)
        return await anyio.to_thread.run_sync(columnar.read_run, response, frames, path)

    def stream(
        self,
        pipeline_names: Names = None,
        *,
        runner: str | None = None,
        is_async: bool = False,
        outputs: Names = None,
        key: str | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> RunStream:
        """Return a run as an asynchronous iterator over what its generator nodes yield for ``outputs``.

        The request is sent with the first step of ``async for``, and takes the arguments of `run`; ``answer`` is there
        after the last chunk. The server waits while the caller works on chunks. With ``key``, a request that is
        repeated after a lost connection gets the answer, but no chunks.
        """
        fields = json_fields(pipeline_names=pipeline_names, outputs=outputs, **arguments)
        return self._stream("run", schemas.RunRequest(runner=runner, is_async=is_async, **fields), key)

    def stream_pipeline(
        self,
        name: str,
        *,
        runner: str | None = None,
        is_async: bool = False,
        outputs: Names = None,
        key: str | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> RunStream:
        """Return a run of one pipeline, checked as in `run_pipeline`, as `stream` does."""
        fields = json_fields(outputs=outputs, **arguments)
        request = schemas.RunRequest(runner=runner, is_async=is_async, **fields)
        return self._stream(f"pipelines/{quote(name, safe='')}/run", request, key)

    def _stream(self, path: str, request: schemas.RunRequest, key: str | None) -> RunStream:
        return RunStream(self._sender, path, body_of(request, key), silence_seconds=_SILENCE_SECONDS)

    async def submit(
        self,
        pipeline_names: Names = None,
        *,
        runner: str | None = None,
        is_async: bool = False,
        outputs: Names = None,
        timeout_seconds: float | None = None,
        labels: Mapping[str, str] | None = None,
        on_interrupt: Literal["mark", "rerun"] = "mark",
        as_columns: bool = False,
        key: str | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> RunRecord:
        """Submit a run and return its record; the server stores the named ``outputs``.

        ``as_columns`` sends frames among the ``inputs`` as Arrow, and stores tables among the outputs so.
        The client makes a ``key`` if none is given, so a repeated request starts no second run.
        """
        submission = schemas.RunSubmission(
            runner=runner,
            is_async=is_async,
            timeout_seconds=timeout_seconds,
            on_interrupt=on_interrupt,
            output_format="arrow" if as_columns else "json",
            **json_fields(pipeline_names=pipeline_names, outputs=outputs, labels=labels, **arguments),
        )
        key = key or uuid.uuid4().hex
        if as_columns:
            body = await anyio.to_thread.run_sync((await _columnar()).columnar_body_of, submission, key)
        else:
            body = body_of(submission, key)
        return await self._request("POST", "runs", _RECORD, **body)

    async def read(self, run_id: str) -> RunRecord:
        """Return the record of a run."""
        return await self._request("GET", _path(run_id), _RECORD)

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunRecord:
        """Return the record when the run has ended, or its state after ``timeout_seconds``."""
        record = await self.read(run_id)
        with anyio.move_on_after(timeout_seconds):
            while not record.is_final:
                record = await self._request("GET", _path(run_id), _RECORD, params={"wait": self._wait_seconds})
        return record

    async def runs(
        self,
        *,
        status: RunStatus | Iterable[RunStatus] | None = None,
        pipeline: str | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """Return a page of runs of a status, or of several, newest first; its ``cursor`` gives the next page."""
        query: dict[str, Any] = {"status": names_of(status), "pipeline": pipeline, "limit": limit, "cursor": cursor}
        query["label"] = [f"{name}={value}" for name, value in (labels or {}).items()]
        query["since"] = None if since is None else since.isoformat()
        given = {name: value for name, value in query.items() if value is not None}
        return await self._request("GET", "runs", _PAGE, params=given)

    async def cancel(self, run_id: str) -> RunRecord:
        """Ask a run to stop and return its record; a run that has ended does not change."""
        return await self._request("POST", _path(run_id, "cancel"), _RECORD)

    async def rerun(self, run_id: str, *, from_failure: bool = False, key: str | None = None) -> RunRecord:
        """Repeat a run that has ended as a new one, and return the record of that.

        ``from_failure`` runs only the nodes that the run has not finished, and what follows, with the datasets that it
        has saved. Raises `ProblemError` where the run cannot be repeated. The client makes a ``key`` if none is given.
        """
        body = json_body(encode_json(schemas.RerunRequest(from_failure=from_failure)), key or uuid.uuid4().hex)
        return await self._request("POST", _path(run_id, "rerun"), _RECORD, **body)

    async def output(self, run_id: str, name: str, *, frames: "Frames | None" = None) -> Any:
        """Return a stored output of a run; with ``frames``, the name of a library, a table is a frame of that."""
        path = _path(run_id, "outputs", name)
        if frames is None:
            return await self._request("GET", path, _ANY)
        columnar = await _columnar()
        columnar.check_library(frames)
        response = await self._sender.send(
            "GET", path, is_idempotent=True, headers={"accept": columnar.ACCEPTED_OUTPUT}
        )
        return await anyio.to_thread.run_sync(columnar.read_output, response, frames, path)

    async def run_schedule(self, name: str) -> RunRecord:
        """Begin a run of a schedule now, also of a paused one, and return the record."""
        return await self._request("POST", f"schedules/{quote(name, safe='')}/run", _RECORD, is_idempotent=False)

    async def timeline(self, run_id: str) -> str:
        """Return the time line of a run as SVG."""
        return await self._picture(_path(run_id, "timeline.svg"))

    async def nodes(self, run_id: str) -> schemas.RunNodes:
        """Return the nodes that a run has started, with their durations."""
        return await self._request("GET", _path(run_id, "nodes"), _NODES)

    async def events(self, run_id: str | None = None, *, after: int = 0) -> AsyncGenerator[RunEvent, None]:
        """Yield the events of a run after number ``after`` until it ends, or those of all runs from now on.

        The client connects again when the connection breaks, and resumes there. After ``retries`` failures in a row, it
        raises `ServerUnreachableError`, or what the server has answered.
        """
        path = "events" if run_id is None else _path(run_id, "events")
        stream = ServerSentEvents(self._http, path, last_id=str(after) if after else None)
        limits = self._sender.silence_timeout(_SILENCE_SECONDS)
        failures, is_over = 0, False
        while not is_over:
            try:
                async with aclosing(stream.read(limits=limits)) as received:
                    async for data in received:
                        failures, event = 0, decode(_EVENT, data, stream.path)
                        # No break: the server ends the stream after the last event of a run.
                        is_over = run_id is not None and isinstance(event, RunEnded)
                        yield event
                is_over = is_over or (run_id is not None and (await self.read(run_id)).is_final)
                pause_seconds = backoff_seconds(0)
            except httpx.HTTPError as error:
                pause_seconds = self._sender.resume_seconds(error, failures=failures)
                failures += 1
            if not is_over:
                await anyio.sleep(pause_seconds)


async def _columnar() -> Any:
    """Return what sends frames as columns; raises ``ImportError`` without its extra. The first call imports Arrow."""
    return await anyio.to_thread.run_sync(import_module, "kedro_asgi.client.columnar")


def _path(*names: str) -> str:
    return "/".join(["runs", *(quote(name) for name in names)])
