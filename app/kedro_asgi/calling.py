"""Send requests to a server, again where that is safe."""

from collections.abc import Container
from typing import Any, TypeVar

import anyio
import httpx
import msgspec

from kedro_asgi.errors import (
    InvalidAnswerError,
    InvalidRequestError,
    ProblemError,
    ServerStatusError,
    ServerUnreachableError,
)
from kedro_asgi.schemas import Problem

T = TypeVar("T")

_PROBLEM = msgspec.json.Decoder(Problem)
# Answers of servers that did not take the request: it may be sent again.
_REFUSED = (429, 503)
# Answers of gateways that do not know whether the server did.
_UNKNOWN = (502, 504)
_LONGEST_WAIT_SECONDS = 30.0


class Caller:
    """Sends requests through ``http``, up to ``retries`` times more while that is safe and may help."""

    def __init__(self, http: httpx.AsyncClient, *, retries: int) -> None:
        self._http = http
        self._retries = retries

    async def ask(
        self, method: str, path: str, *, is_idempotent: bool, accepted: Container[int] = (), **options: Any
    ) -> httpx.Response:
        """Return the answer to a request; raises an error of ours for every other than 2xx and what is ``accepted``."""
        for attempt in range(self._retries + 1):
            try:
                answer = await self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                if attempt == self._retries or not (is_idempotent or isinstance(error, httpx.ConnectError)):
                    raise self._unreachable(error) from error
                await anyio.sleep(backoff_seconds(attempt))
                continue
            if answer.is_success or answer.status_code in accepted:
                return answer
            is_safe = answer.status_code in _REFUSED or (is_idempotent and answer.status_code in _UNKNOWN)
            if attempt == self._retries or not is_safe:
                break
            await anyio.sleep(_retry_after_seconds(answer) or backoff_seconds(attempt))
        raise _refusal(answer)

    def give_up_if_hopeless(self, error: httpx.HTTPError, failures: int) -> None:
        """Raise an error of ours if a stream that broke with ``error`` after so many failures is not to be resumed."""
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code not in (*_REFUSED, *_UNKNOWN):
            raise _refusal(error.response) from error
        if failures >= self._retries:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> ServerUnreachableError:
        return ServerUnreachableError(str(self._http.base_url), str(error) or type(error).__name__)


def decoded(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    """Return what ``body`` holds; raises `InvalidAnswerError`."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(path, str(error)) from error


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait before another attempt: twice as long each time."""
    return min(0.1 * 2.0**attempt, _LONGEST_WAIT_SECONDS)


def _refusal(answer: httpx.Response) -> ServerStatusError:
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = decoded(_PROBLEM, answer.content, str(answer.url))
        seconds = _retry_after_seconds(answer)
        return ProblemError(problem.status, problem.type, problem.detail, retry_after_seconds=seconds)
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        return InvalidRequestError(answer.text)
    return ServerStatusError(answer.status_code, answer.text)


def _retry_after_seconds(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isdecimal() else None
