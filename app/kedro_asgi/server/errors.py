"""Turn exceptions into HTTP responses."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON
from kedro_asgi.schemas import HTTPError, HTTPValidationError, ValidationError
from kedro_asgi.server.access.audit import log_failure
from kedro_asgi.server.request_middleware import request_headers

# An answer quotes the input that is wrong; a value whose JSON is longer is cut, as a body may have megabytes.
_MAX_QUOTED = 4096

MAX_PROBLEMS = 100
"""How many problems of a body are listed: a response must not be many times larger than its request."""

Explain = Callable[[Request, Exception], Awaitable[Response]]
"""Returns the response for an exception."""


class InvalidBodyError(Exception):
    """A request body does not match the schema of its route."""

    def __init__(self, problems: list[ValidationError]) -> None:
        self.problems = problems
        super().__init__(problems)

    def sentence(self, *, separator: str = "; ", without_body: bool = True, whole: str = "body") -> str:
        """Return each problem after its location in the body; ``whole`` stands for the body itself."""
        first = 1 if without_body else 0
        return separator.join(
            f"{'.'.join(map(str, found.loc[first:])) or whole}: {found.msg}" for found in self.problems
        )


async def quoted_problems(error: InvalidBodyError) -> list[ValidationError]:
    """Return the problems of a body; each quotes at most the first 4,096 characters of its input."""
    # In a thread: the values may be large.
    return await anyio.to_thread.run_sync(lambda: [_quoted(problem) for problem in error.problems])


def _quoted(problem: ValidationError) -> ValidationError:
    text = problem.input if isinstance(problem.input, str) else encode_json(problem.input).decode()
    if len(text) <= _MAX_QUOTED:
        return problem
    return msgspec.structs.replace(problem, input=f"{text[:_MAX_QUOTED]}…")


def json_response(body: Any, *, status_code: int = 200, headers: Any = None) -> Response:
    """Return ``body`` as compact JSON (SRV-13)."""
    return Response(encode_json(body), status_code, headers, media_type=JSON)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_response(HTTPError(detail=error.detail), status_code=error.status_code, headers=error.headers)


async def _invalid_body(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBodyError)
    return json_response(HTTPValidationError(detail=await quoted_problems(error)), status_code=422)


async def _client_disconnect(request: Request, error: Exception) -> Response:
    """Return a response that no client receives; a disconnect is not an error of the server."""
    return Response(status_code=400)


async def _internal_error(request: Request, error: Exception) -> Response:
    log_failure(request.scope)
    body = HTTPError(detail="Internal Server Error")
    return json_response(body, status_code=500, headers=request_headers(request.scope))


EXCEPTION_HANDLERS: dict[Any, Explain] = {
    HTTPException: _http_error,
    InvalidBodyError: _invalid_body,
    ClientDisconnect: _client_disconnect,
    Exception: _internal_error,
}
