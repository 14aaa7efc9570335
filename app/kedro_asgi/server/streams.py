"""Events of runs as server-sent events."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.events import Published

_log = logging.getLogger(__name__)

# Longer silence makes proxies and clients think that the connection is dead.
KEEP_ALIVE_SECONDS = 15.0
_HEAD = b"retry: 1000\n\n"
_COMMENT = b": still here\n\n"

Groups = AsyncGenerator[Sequence[Published], None]


class EventStream(Response):
    """Tells groups of events until there are no more or the client hangs up.

    ``name`` is the id behind which a client resumes. A client that reads slowly keeps only itself waiting: what it is
    too late for is lost to it, further up.
    """

    media_type = "text/event-stream"

    def __init__(
        self, groups: Groups, *, name: Callable[[Published], str], keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._groups = groups
        self._name = name
        self._keep_alive_seconds = keep_alive_seconds
        self._is_quiet = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope.get("method") == "HEAD":
            # Nobody reads on, but the connection would be kept busy as long as there are events.
            await self._groups.aclose()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await send(_chunk(_HEAD))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_hung_up, receive, tasks.cancel_scope)
            tasks.start_soon(self._keep_alive, send)
            await self._tell(send)
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        try:
            async with aclosing(self._groups) as groups:
                async for events in groups:
                    self._is_quiet = False
                    await send(_chunk(b"".join(map(self._frame, events))))
        except StoreUnavailableError as error:
            # The answer has begun: the client comes back behind what it has.
            _log.warning("A stream of events ended early: %s", error)

    async def _keep_alive(self, send: Send) -> None:
        while True:
            self._is_quiet = True
            await anyio.sleep(self._keep_alive_seconds)
            if self._is_quiet:
                await send(_chunk(_COMMENT))

    def _frame(self, event: Published) -> bytes:
        name = self._name(event)
        head = f"id: {name}\n".encode() if name else b""
        return head + b"data: " + event.body + b"\n\n"


async def _until_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _chunk(body: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": True}
