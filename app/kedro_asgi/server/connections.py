"""The connections of requests: what uvicorn knows of them, beyond ASGI."""

from typing import Any
from weakref import WeakSet

from starlette.types import Message, Receive, Send

# An answer that its client does not read stays with the application, but for this part and the buffers of the server.
_PART_BYTES = 64 * 1024


class Connections:
    """Remembers the connections of requests, as long as their server does.

    ASGI has no message that cuts a connection. uvicorn, whose shutdown waits for each client without limit, gives
    ``receive`` as a method of the request, which has the transport; other servers have limits of their own.
    """

    def __init__(self) -> None:
        self._requests: WeakSet[Any] = WeakSet()

    def add(self, receive: Receive) -> None:
        """Remember the connection of a request."""
        request = getattr(receive, "__self__", None)
        if hasattr(getattr(request, "transport", None), "abort"):
            self._requests.add(request)

    def cut(self) -> None:
        """Close all connections at once; what their clients have not read is lost."""
        for request in list(self._requests):
            request.transport.abort()


def has_whole_body(receive: Receive) -> bool:
    """Tell whether the server has the whole body, so that ``receive`` does not wait; known only of uvicorn."""
    return getattr(getattr(receive, "__self__", None), "more_body", True) is False


def in_parts(send: Send) -> Send:
    """Return a ``send`` that waits between the parts of a large body until the client has read most of them."""

    async def send_in_parts(message: Message) -> None:
        body = message.get("body", b"")
        if len(body) <= _PART_BYTES:
            await send(message)
            return
        rest = memoryview(body)
        while len(rest) > _PART_BYTES:
            part, rest = rest[:_PART_BYTES], rest[_PART_BYTES:]
            await send({**message, "body": bytes(part), "more_body": True})
        await send({**message, "body": bytes(rest)})

    return send_in_parts
