"""Send the events of runs as server-sent events."""

import logging
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.events import Published
from kedro_asgi.media_types import EVENT_STREAM
from kedro_asgi.server.disconnection import until_disconnected

_log = logging.getLogger(__name__)

# After a longer silence, proxies and clients take the connection for dead.
KEEP_ALIVE_SECONDS = 15.0
_FIRST_FRAME = b"retry: 1000\n\n"
COMMENT = b": still here\n\n"
# Proxies must pass the parts of a body on as they come: neither collect nor compress them.
STREAM_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}

Groups = AsyncGenerator[Sequence[Published], None]


class EventStream(Response):
    """Sends groups of events until there are no more or the client disconnects.

    ``event_id`` returns the id from which a client resumes. A slow client delays only its own stream; the dispatcher
    drops the events that it is too late for.
    """

    media_type = EVENT_STREAM

    def __init__(
        self, groups: Groups, *, event_id: Callable[[Published], str], keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    ) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._groups = groups
        self._event_id = event_id
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response to one request."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope.get("method") == "HEAD":
            # A response to HEAD has no body; without this, the stream would keep the connection busy.
            await self._groups.aclose()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        body = StreamBody(send, heartbeat=COMMENT, keep_alive_seconds=self._keep_alive_seconds)
        await body.send(_FIRST_FRAME)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_on_disconnect, receive, tasks.cancel_scope)
            tasks.start_soon(body.keep_alive)
            await self._send_events(body)
            tasks.cancel_scope.cancel()
        await body.end()

    async def _send_events(self, body: "StreamBody") -> None:
        try:
            async with aclosing(self._groups) as groups:
                async for events in groups:
                    await body.send(b"".join(map(self._frame, events)))
        except StoreUnavailableError as error:
            # The response has begun, so no status can tell of the error; the client connects again and resumes.
            _log.warning("A stream of events ended early: %s", error)

    def _frame(self, event: Published) -> bytes:
        event_id = self._event_id(event)
        first_line = f"id: {event_id}\n".encode() if event_id else b""
        return b"%bevent: %b\ndata: %b\n\n" % (first_line, event_name(event), event.body)


class StreamBody:
    """The body of a response that is sent as it comes, with a ``heartbeat`` whenever it is silent for too long."""

    def __init__(self, send: Send, *, heartbeat: bytes, keep_alive_seconds: float = KEEP_ALIVE_SECONDS) -> None:
        self._send = send
        self._heartbeat = heartbeat
        self._keep_alive_seconds = keep_alive_seconds
        self._is_silent = True

    async def send(self, part: bytes) -> None:
        """Send a part; waits while the client reads too slowly."""
        self._is_silent = False
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def keep_alive(self) -> None:
        """Send heartbeats, until this is cancelled."""
        while True:
            self._is_silent = True
            await anyio.sleep(self._keep_alive_seconds)
            if self._is_silent:
                await self.send(self._heartbeat)

    async def end(self) -> None:
        """End the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def event_name(event: Published) -> bytes:
    """Return the name of an event's class, which its JSON holds in front of everything that users chose."""
    return event.body.partition(b'"event":"')[2].partition(b'"')[0]


async def only(groups: Groups, names: Collection[bytes]) -> Groups:
    """Yield the events of ``groups`` whose classes have these names, and those that tell of lost ones."""
    wanted = {*names, b"EventsLost"}
    async with aclosing(groups):
        async for events in groups:
            kept = [event for event in events if event_name(event) in wanted]
            if kept:
                yield kept


async def put_back(first: Sequence[Published] | None, rest: Groups) -> Groups:
    """Yield a group that was taken from ``rest``, then the others."""
    async with aclosing(rest):
        if first is not None:
            yield first
        async for events in rest:
            yield events


async def _cancel_on_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    await until_disconnected(receive)
    scope.cancel()
