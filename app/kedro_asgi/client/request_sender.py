"""Send requests to a server, and repeat them where that is safe."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import httpx
import msgspec

from kedro_asgi.errors import (
    InvalidAnswerError,
    InvalidRequestError,
    InvalidTokenError,
    ProblemError,
    ServerStatusError,
    ServerUnreachableError,
)
from kedro_asgi.media_types import PROBLEM
from kedro_asgi.schemas import Problem

T = TypeVar("T")

# RFC 6750; anything else could add a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_PROBLEM = msgspec.json.Decoder(Problem)
# A server that answers so has not accepted the request, so any request may be repeated.
_REFUSED = (429, 503)
# A gateway that answers so does not know whether the server accepted the request.
_UNKNOWN = (502, 504)
_MAX_WAIT_SECONDS = 30.0


class RequestSender:
    """Sends requests through ``http``; repeats a request up to ``retries`` times while that is safe and may help."""

    def __init__(self, http: httpx.AsyncClient, *, retries: int) -> None:
        self._http = http
        self._retries = retries

    async def send(
        self, method: str, path: str, *, is_idempotent: bool, accepted: Container[int] = (), **options: Any
    ) -> httpx.Response:
        """Return the response; raises an error of kedro-asgi unless its status is 2xx or in ``accepted``."""
        ask = partial(self._http.request, method, path, **options)
        return await self._send(ask, is_idempotent=is_idempotent, accepted=accepted)

    @asynccontextmanager
    async def open(
        self, method: str, path: str, *, is_idempotent: bool, **options: Any
    ) -> AsyncIterator[httpx.Response]:
        """Yield the response for its body to be read as it comes; raises what `send` raises."""

        async def ask() -> httpx.Response:
            response = await self._http.send(self._http.build_request(method, path, **options), stream=True)
            if not response.is_success:
                await response.aread()
            return response

        response = await self._send(ask, is_idempotent=is_idempotent)
        try:
            yield response
        finally:
            await response.aclose()

    def silence_timeout(self, seconds: float) -> httpx.Timeout:
        """Return the limits for an answer that may take any time, but is not silent for longer than ``seconds``."""
        return httpx.Timeout(seconds, pool=None, connect=self._http.timeout.connect)

    def broken(self, error: httpx.HTTPError) -> ServerUnreachableError:
        """Return the error for a response that breaks off."""
        return self._unreachable(error)

    async def _send(
        self, ask: Callable[[], Awaitable[httpx.Response]], *, is_idempotent: bool, accepted: Container[int] = ()
    ) -> httpx.Response:
        for attempt in range(self._retries + 1):
            try:
                response = await ask()
            except httpx.HTTPError as error:
                if attempt == self._retries or not (is_idempotent or isinstance(error, httpx.ConnectError)):
                    raise self._unreachable(error) from error
                await anyio.sleep(backoff_seconds(attempt))
                continue
            if response.is_success or response.status_code in accepted:
                return response
            is_safe = response.status_code in _REFUSED or (is_idempotent and response.status_code in _UNKNOWN)
            if attempt == self._retries or not is_safe:
                break
            await anyio.sleep(_wait_seconds(response, attempt))
        raise _status_error(response)

    def resume_seconds(self, error: httpx.HTTPError, *, failures: int) -> float:
        """Return how long to wait before a stream that broke with ``error``, after ``failures`` in a row, is resumed.

        Raises an error of kedro-asgi if the stream must end.
        """
        is_over = failures >= self._retries
        if isinstance(error, httpx.HTTPStatusError):
            response = error.response
            if is_over or response.status_code not in (*_REFUSED, *_UNKNOWN):
                raise _status_error(response) from error
            return _wait_seconds(response, failures)
        if is_over:
            raise self._unreachable(error) from error
        return backoff_seconds(failures)

    def _unreachable(self, error: httpx.HTTPError) -> ServerUnreachableError:
        return ServerUnreachableError(str(self._http.base_url), str(error) or type(error).__name__)


def decode(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    """Return the value in ``body``, the answer of ``path``; raises `InvalidAnswerError`."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(path, str(error)) from error


def bearer(token: str) -> str:
    """Return the value of the header that holds a token; raises `InvalidTokenError`, whose message does not hold it."""
    if not _TOKEN.fullmatch(token):
        raise InvalidTokenError
    return f"Bearer {token}"


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait before the next attempt; the time doubles with each attempt."""
    return min(0.1 * 2.0**attempt, _MAX_WAIT_SECONDS)


def _status_error(response: httpx.Response) -> ServerStatusError:
    if response.headers.get("content-type", "").startswith(PROBLEM):
        problem = decode(_PROBLEM, response.content, str(response.url))
        seconds = _retry_after_seconds(response)
        return ProblemError(problem.status, problem.type, problem.detail, retry_after_seconds=seconds)
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        return InvalidRequestError(response.text)
    return ServerStatusError(response.status_code, response.text)


def _wait_seconds(response: httpx.Response, attempt: int) -> float:
    """Return how long to wait after a refusal: as long as the server asks, within limits."""
    return min(_retry_after_seconds(response) or backoff_seconds(attempt), _MAX_WAIT_SECONDS)


def _retry_after_seconds(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
