"""Answers that are streamed: what a run's generator nodes yield, as it comes, then the answer of the run."""

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kedro_asgi.dispatch import Dispatcher, Finished
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import DispatchError
from kedro_asgi.outcome import Outcome
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk
from kedro_asgi.runs import RunId, RunOrder
from kedro_asgi.schemas import OutputChunk, RunAccepted, RunAnswer, RunAnswered, RunRefused, StreamedEvent
from kedro_asgi.server.disconnection import until_disconnected
from kedro_asgi.server.problems import dispatch_problem
from kedro_asgi.server.stream_forms import FORMS
from kedro_asgi.server.streams import STREAM_HEADERS, StreamBody
from kedro_asgi.session.chunk_queue import ChunkQueue


class StreamedRun(Response):
    """Responds with the events of one run: its id, its chunks, and its answer or the problem that it ended with.

    The error of a run that is not accepted is raised, so its response is the usual one. A client that reads slowly
    slows the run. When it disconnects, the run is cancelled if ``cancels``, else it goes on.
    """

    def __init__(
        self,
        runs: Dispatcher,
        orders: list[RunOrder],
        media_type: str,
        *,
        json_bytes: int | None,
        cancels: bool,
        answer: Callable[[Finished], RunAnswer],
    ) -> None:
        super().__init__(headers=STREAM_HEADERS, media_type=media_type)
        del self.headers["content-length"]
        self._runs = runs
        self._orders = orders
        self._form = FORMS[media_type]
        self._json_bytes = json_bytes
        self._cancels = cancels
        self._answer = answer
        self._queue = ChunkQueue(orders[0].spec.outputs or (), convert=encode_output)
        self._decided = anyio.Event()
        self._client_gone = anyio.Event()
        self._run_id: RunId | None = None
        self._ended: Outcome[Finished] = Outcome()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response to one request."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_client, receive, tasks.cancel_scope)
                tasks.start_soon(self._execute)
                await self._decided.wait()
                if self._run_id is not None:
                    await self._respond(self._run_id, tasks, send)
                tasks.cancel_scope.cancel()
        finally:
            self._queue.close()
        if self._ended.error is not None and not self._is_told:
            raise self._ended.error

    @property
    def _is_told(self) -> bool:
        """Whether the client learns of an error by the last event."""
        return self._run_id is not None and isinstance(self._ended.error, DispatchError)

    async def _watch_client(self, receive: Receive, scope: anyio.CancelScope) -> None:
        await until_disconnected(receive)
        self._queue.close()
        self._client_gone.set()
        if not self._cancels:
            scope.cancel()

    async def _execute(self) -> None:
        CHUNK_STREAM.set(self._queue)
        try:
            finished = await self._runs.run(
                self._orders.pop(),
                until=self._client_gone.wait if self._cancels else None,
                json_bytes=self._json_bytes,
                accepted=self._note_accepted,
            )
            self._ended = Outcome(result=finished)
        except Exception as error:
            self._ended = Outcome(error=error)
        self._decided.set()
        self._queue.end()

    def _note_accepted(self, run_id: RunId) -> None:
        self._run_id = run_id
        self._decided.set()

    async def _respond(self, run_id: RunId, tasks: TaskGroup, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        frame = self._form.frame
        body = StreamBody(send, heartbeat=self._form.heartbeat)
        tasks.start_soon(body.keep_alive)
        await body.send(frame(RunAccepted(run_id=run_id)))
        while chunks := await self._queue.take():
            await body.send(b"".join(frame(_event(chunk)) for chunk in chunks))
        if (last := self._last_event()) is not None:
            await body.send(frame(last))
            await body.end()

    def _last_event(self) -> StreamedEvent | None:
        """Return the event that ends the stream; ``None`` after an error of the server itself."""
        match self._ended.error:
            case None:
                return RunAnswered(answer=self._answer(self._ended.value()))
            case DispatchError() as error:
                return RunRefused(problem=dispatch_problem(error))
        return None


def _event(chunk: Chunk) -> OutputChunk:
    if chunk.problem is not None:
        return OutputChunk(output=chunk.output, problem=chunk.problem)
    return OutputChunk(output=chunk.output, value=chunk.value)
