"""Exceptions become HTTP answers here."""

from typing import Any

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from kedro_asgi.encoding import encode_json
from kedro_asgi.schemas import HTTPError, HTTPValidationError, ValidationError


class InvalidBodyError(Exception):
    """A request body does not have the shape that the route takes."""

    def __init__(self, problems: list[ValidationError]) -> None:
        self.problems = problems
        super().__init__(problems)


def json_response(body: Any, *, status_code: int = 200, headers: Any = None) -> Response:
    """Return ``body`` as compact JSON (SRV-13)."""
    return Response(encode_json(body), status_code, headers, media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_response(HTTPError(detail=error.detail), status_code=error.status_code, headers=error.headers)


async def _explain(request: Request, error: Exception) -> Response:
    """In a thread: what was wrong is quoted, and may be large."""
    assert isinstance(error, InvalidBodyError)
    answer = HTTPValidationError(detail=error.problems)
    return await anyio.to_thread.run_sync(lambda: json_response(answer, status_code=422))


async def _let_go(request: Request, error: Exception) -> Response:
    """Whoever hung up while sending a body hears nothing any more; it is no error of the server."""
    return Response(status_code=400)


async def _confess(request: Request, error: Exception) -> Response:
    return json_response(HTTPError(detail="Internal Server Error"), status_code=500)


EXCEPTION_HANDLERS: dict[Any, ExceptionHandler] = {
    HTTPException: _refuse,
    InvalidBodyError: _explain,
    ClientDisconnect: _let_go,
    Exception: _confess,
}
