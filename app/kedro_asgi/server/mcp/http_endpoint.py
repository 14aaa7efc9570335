"""Serves messages of the protocol by HTTP: each request is complete in itself, so any worker can answer it."""

import json
import logging
import secrets
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from kedro_asgi.server.mcp.cancelled_calls import SESSION_HEADER, CancelledCalls

_HEADER = SESSION_HEADER.lower().encode()
# It logs two lines for each request.
_MANAGER_LOGGER = "mcp.server.streamable_http_manager"


class HttpEndpoint:
    """Answers requests one by one.

    The manager of the SDK has a task group, which would outlive requests and need a lifespan. So each request gets a
    manager of its own, whose work ends with the request: open sessions keep no server from its end, and a server that
    is mounted without its lifespan answers, too.
    """

    def __init__(self, server: Server[Any], cancelled: CancelledCalls) -> None:
        self._server = server
        self._cancelled = cancelled
        logger = logging.getLogger(_MANAGER_LOGGER)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)

    async def answer(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose body was read."""
        manager = StreamableHTTPSessionManager(self._server, stateless=True, max_request_body_size=max(1, len(body)))
        replies = send
        match _message_about_calls(body):
            case {"method": "initialize"}:
                replies = _with_session(send)
            case {"method": "notifications/cancelled", "params": params}:
                # The SDK forgets the request, and all that it does for it, when it has answered 202.
                await self._cancelled.cancel(Request(scope), params)
        async with manager.run():
            await manager.handle_request(scope, _replayed(body, receive), replies)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that begins with the body."""
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _message_about_calls(body: bytes) -> Any:
    """Return a message by which clients of earlier revisions begin a session or cancel a call; ``None`` for others."""
    if b'"initialize"' not in body and b"/cancelled" not in body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _with_session(send: Send) -> Send:
    """Return a ``send`` that gives the session an id: the client names it with each request, and nothing keeps it."""

    async def send_with_session(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (_HEADER, secrets.token_hex(16).encode())]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_session
