"""Errors of the routes of the Open Inference Protocol, whose bodies are the protocol's: ``{"error": "…"}``."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON
from kedro_asgi.server.errors import Explain

PROTOCOL_PREFIX = "/v2"
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def with_protocol_errors(handlers: Mapping[Any, Explain]) -> dict[Any, Explain]:
    """Return handlers that do what ``handlers`` do, and answer requests of the protocol in its form."""
    return {kind: partial(_explain, handler) for kind, handler in handlers.items()}


async def _explain(handler: Explain, request: Request, error: Exception) -> Response:
    response = await handler(request, error)
    return protocol_error(response) if _is_of_protocol(request.scope) else response


def protocol_error(response: Response) -> Response:
    """Return an error of another form in that of the protocol, with the same status and headers."""
    found = _DECODER.decode(bytes(response.body)) if response.body else {}
    detail = found.get("detail") or "The request failed."
    headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return error_response(str(detail), response.status_code, headers=headers)


def error_response(message: str, status: int, *, headers: Any = None, **more: str) -> Response:
    """Return an error of the protocol."""
    return Response(encode_json({"error": message, **more}), status, headers, media_type=JSON)


def _is_of_protocol(scope: Scope) -> bool:
    # Most servers put the prefix of a mount in front of the path.
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path == PROTOCOL_PREFIX or path.startswith(f"{PROTOCOL_PREFIX}/")
