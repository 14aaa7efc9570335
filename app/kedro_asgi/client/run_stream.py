"""A run whose chunks a client reads while the run goes on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
import msgspec

from kedro_asgi.client.request_sender import RequestSender, decode
from kedro_asgi.client.server_sent_events import lines
from kedro_asgi.closable_iterator import ClosableIterator
from kedro_asgi.errors import ProblemError, RunFailedError
from kedro_asgi.media_types import NDJSON
from kedro_asgi.schemas import (
    OutputChunk,
    RunAccepted,
    RunAnswer,
    RunAnswered,
    RunFailure,
    RunRefused,
    RunSuccess,
    StreamedEvent,
)

_EVENT: msgspec.json.Decoder[StreamedEvent] = msgspec.json.Decoder(StreamedEvent)


class _Run(msgspec.Struct, eq=False):
    """The state of a run. It does not refer to the `RunStream`, which Python closes when its caller drops it."""

    run_id: str | None = None
    answer: RunAnswer | None = None

    def success(self) -> RunSuccess:
        """Return the answer of a run that succeeded."""
        match self.answer:
            case RunFailure(run_id=run_id, error=reason):
                raise RunFailedError(run_id, reason.type, reason.message)
            case RunSuccess() as answer:
                return answer
        raise RuntimeError("The run has not ended: read its chunks to the last one first.")


class RunStream(ClosableIterator[OutputChunk]):
    """The chunks of one run, to be read once: ``async for chunk in stream``.

    After the last chunk, the iteration raises the error of the run, or `answer` is there. ``async with`` closes the
    connection at its end, also where the iteration was left early.
    """

    def __init__(self, sender: RequestSender, path: str, request: dict[str, Any], *, silence_seconds: float) -> None:
        self._run = _Run()
        timeout = sender.silence_timeout(silence_seconds)
        headers = {**request["headers"], "accept": NDJSON}
        super().__init__(_read(sender, path, {**request, "headers": headers, "timeout": timeout}, self._run))

    @property
    def run_id(self) -> str | None:
        """The id of the run, once it is accepted."""
        return self._run.run_id

    @property
    def answer(self) -> RunSuccess:
        """The answer of a run that succeeded; raises `RunFailedError`, and ``RuntimeError`` before the end."""
        return self._run.success()


async def _read(
    sender: RequestSender, path: str, request: dict[str, Any], run: _Run
) -> AsyncGenerator[OutputChunk, None]:
    """Yield the chunks of a run; raises why it failed, or was refused."""
    is_idempotent = "idempotency-key" in request["headers"]
    async with sender.open("POST", path, is_idempotent=is_idempotent, **request) as response:
        try:
            async with aclosing(lines(response)) as received:
                async for line in received:
                    match decode(_EVENT, line, path):
                        case OutputChunk() as chunk:
                            yield chunk
                        case RunAccepted(run_id=run_id):
                            run.run_id = run_id
                        case RunAnswered(answer=answer):
                            run.answer = answer
                        case RunRefused(problem=problem):
                            raise ProblemError(problem.status, problem.type, problem.detail)
        except httpx.HTTPError as error:
            raise sender.broken(error) from error
    if run.answer is None:
        raise sender.broken(httpx.RemoteProtocolError("the stream ended without an answer"))
    run.success()
