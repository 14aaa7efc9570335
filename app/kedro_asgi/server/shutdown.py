"""The shutdown of a server: from the first signal to end, it drains, and its long answers end."""

import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from types import FrameType
from typing import Any
from weakref import WeakSet

import anyio
from anyio.lowlevel import current_token
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.server.startup_errors import StartupErrorMiddleware
from kedro_asgi.session.event_loop import call_soon, start_task

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# The third signal is not held back, whatever runs.
_MAX_DELAYED = 2
# How long clients may still read after all runs have ended; the command line's own server cuts them a moment before.
_READING_SECONDS = 1.5
# An answer that its client does not read stays with the application, but for this part and the buffers of the server.
_PART_BYTES = 64 * 1024


class Shutdown:
    """Notices SIGTERM and SIGINT in the main thread, and drains the dispatcher; a second signal ends the grace.

    Servers wait for their clients before they end the lifespan, so a drain that begins there would come too late: a
    follower of events would wait for it, and the server for the follower. With ``delays_signals``, the server gets the
    signal after the drain and answers until then; else it gets the signal at once. After the drain, and after the
    grace, the connections of clients that still have not read their answers are cut.
    """

    def __init__(self, runs: Dispatcher, *, delays_signals: bool) -> None:
        self._runs = runs
        self._delays_signals = delays_signals
        self._connections = _Connections()
        self._watch: _SignalWatch | None = None
        self._users = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notice signals in this block; blocks may overlap."""
        self._begin_to_watch()
        try:
            yield
        finally:
            self._end_to_watch()

    async def watch_request(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Notice signals during a request, whose connection may be cut."""
        self._connections.add(receive)
        self._begin_to_watch()
        try:
            await app(scope, receive, _in_parts(send))
        finally:
            self._end_to_watch()

    def _begin_to_watch(self) -> None:
        if self._users == 0:
            self._watch = _SignalWatch.installed(self._runs, self._connections, delays_signals=self._delays_signals)
        self._users += 1

    def _end_to_watch(self) -> None:
        self._users -= 1
        if self._users == 0 and self._watch is not None:
            self._watch.remove()

    async def drained(self) -> None:
        """Wait for the end of the drain, if it has begun."""
        if self._watch is not None and self._watch.has_begun:
            await self._watch.drained.wait()

    @contextmanager
    def until_begun(self, *, timeout_seconds: float | None = None) -> Iterator[anyio.CancelScope]:
        """Cancel this block when the shutdown begins, or after ``timeout_seconds``; the scope tells."""
        watch = self._watch
        with anyio.move_on_after(timeout_seconds) as scope:
            with watch.cancelling(scope) if watch is not None else nullcontext():
                yield scope

    @property
    def has_begun(self) -> bool:
        """Whether a signal has come."""
        return self._watch is not None and self._watch.has_begun


class ShutdownMiddleware:
    """Notices signals during requests, for applications whose lifespan does not run.

    The lifespan goes to another middleware, through which no request needs to pass.
    """

    def __init__(self, app: ASGIApp, shutdown: Shutdown) -> None:
        self._app = app
        self._lifespan = StartupErrorMiddleware(app)
        self._shutdown = shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            await self._shutdown.watch_request(self._app, scope, receive, send)
        else:
            await self._lifespan(scope, receive, send)


class _Connections:
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
            # uvicorn tells only the last of several requests on a connection that it is lost.
            request.disconnected = True
            request.transport.abort()


class _SignalWatch:
    """The handlers of the signals, between those that were there before and those that come later."""

    def __init__(self, runs: Dispatcher, connections: _Connections, *, delays_signals: bool) -> None:
        self.has_begun = False
        self.drained = anyio.Event()
        self._runs = runs
        self._connections = connections
        self._delays_signals = delays_signals
        self._loop = current_token()
        self._scopes: set[anyio.CancelScope] = set()
        self._tasks: list[object] = []
        self._count = 0
        self._is_active = True
        self._former: dict[int, Any] = {}

    @classmethod
    def installed(cls, runs: Dispatcher, connections: _Connections, *, delays_signals: bool) -> "_SignalWatch | None":
        """Return a watch that gets the signals, or ``None`` where Python or another language forbids it."""
        handlers: dict[int, Any] = {number: _active(number) for number in _SIGNALS}
        if threading.current_thread() is not threading.main_thread() or None in handlers.values():
            return None
        watch = cls(runs, connections, delays_signals=delays_signals)
        watch._former = handlers
        for number in _SIGNALS:
            signal.signal(number, watch.receive)
        return watch

    def remove(self) -> None:
        """Restore the handlers. A handler that another caller has put in front keeps this one, which passes all on."""
        self._is_active = False
        for number, handler in self._former.items():
            if signal.getsignal(number) == self.receive:
                signal.signal(number, handler)

    @contextmanager
    def cancelling(self, scope: anyio.CancelScope) -> Iterator[None]:
        """Cancel ``scope`` when the first signal comes during this block, or if it has come."""
        if self.has_begun:
            scope.cancel()
        self._scopes.add(scope)
        try:
            yield
        finally:
            self._scopes.discard(scope)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal, between any two steps of the main thread."""
        self._count += 1
        is_delayed = self._is_active and self._delays_signals and self._count <= _MAX_DELAYED
        if self._is_active:
            call_soon(self._loop, partial(self._begin, partial(self._pass_on, number, None) if is_delayed else None))
        if not is_delayed:
            self._pass_on(number, frame)

    def _begin(self, after: Callable[[], None] | None) -> None:
        is_first, self.has_begun = not self.has_begun, True
        for scope in self._scopes:
            scope.cancel()
        # Kept, since asyncio itself keeps no task.
        self._tasks.append(start_task(self._loop, partial(self._drain, after, is_first=is_first)))

    async def _drain(self, after: Callable[[], None] | None, *, is_first: bool) -> None:
        grace_seconds = self._runs.policy.grace_seconds if is_first else 0.0
        grace_ends_at = anyio.current_time() + grace_seconds
        try:
            await self._runs.drain(grace_seconds=grace_seconds)
        finally:
            self.drained.set()
            if after is not None:
                after()
        # Also after the watch was removed: a request may have ended whose client has not read all of its answer.
        await anyio.sleep_until(max(grace_ends_at, anyio.current_time() + _READING_SECONDS))
        self._connections.cut()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._former[number]
        if callable(handler):
            handler(number, frame)
        else:
            signal.signal(number, handler)
            signal.raise_signal(number)


def _active(number: int) -> Any:
    """Return the handler of a signal, without the watches in front of it that were removed."""
    handler = signal.getsignal(number)
    while isinstance(watch := getattr(handler, "__self__", None), _SignalWatch) and not watch._is_active:
        handler = watch._former[number]
    return handler


def _in_parts(send: Send) -> Send:
    """Return a ``send`` that waits between the parts of a large body until the client has read most of them."""

    def send_in_parts(message: Message) -> Awaitable[None]:
        # Most messages are small, and need no coroutine of their own.
        is_small = len(message.get("body", b"")) <= _PART_BYTES
        return send(message) if is_small else _send_parts(send, message)

    return send_in_parts


async def _send_parts(send: Send, message: Message) -> None:
    rest = memoryview(message["body"])
    while len(rest) > _PART_BYTES:
        part, rest = rest[:_PART_BYTES], rest[_PART_BYTES:]
        await send({**message, "body": bytes(part), "more_body": True})
    await send({**message, "body": bytes(rest)})
