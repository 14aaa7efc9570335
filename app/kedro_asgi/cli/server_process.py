"""A server process that ends when it is told to, whatever its clients and its project do."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from kedro_asgi.cli.connection_counts import ConnectionCounts
from kedro_asgi.cli.process_end import ProcessEnd
from kedro_asgi.cli.shared_listener import SharedListener
from kedro_asgi.collector import collector_paused
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.systemd import ServiceManager

_log = logging.getLogger("uvicorn.error")

# After the grace: for runs that were asked to stop, for the last writes, and for clients to read their answers.
LAST_SECONDS = 4.0
# How long clients may still read after all runs have ended.
_READING_SECONDS = 1.0
_TURN_SECONDS = 0.05
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
HASTEN = signal.SIGUSR2
"""The supervisor's signal to a worker to end the grace."""
_CLOSE = (b"connection", b"close")
# How long a thread that computes may keep the others from the GIL; Python's own value is 5 ms. The event loop waits for
# that long several times in each request, in a queue with all threads that compute. With 8 runs that compute, the
# slowest 1 % of the answers to /health come five times sooner; a run of two nodes takes 1 to 3 % more CPU time.
_SWITCH_SECONDS = 0.001

Handler = Callable[[int, FrameType | None], Any]


class ServerProcess(uvicorn.Server):
    """uvicorn's server, which ends at once while it starts, and after ``grace_seconds`` and a moment otherwise.

    After that time no client keeps its connection, whether it reads or not. The application gets each signal first,
    since its runs end before the server does. ``service_manager`` is told of the end, and that the event loop lives;
    that of a worker is its supervisor's.
    """

    def __init__(
        self, config: uvicorn.Config, *, grace_seconds: float, service_manager: ServiceManager | None = None
    ) -> None:
        super().__init__(config)
        self._grace_seconds = grace_seconds
        self._service_manager = service_manager or ServiceManager()
        self._handlers: dict[int, Handler] = {}
        self._starting = ExitStack()
        self._ends_at = 0.0

    def run(self, sockets: Any = None) -> None:
        self._end = ProcessEnd()
        sys.setswitchinterval(min(_SWITCH_SECONDS, sys.getswitchinterval()))
        for number in _SIGNALS:
            # uvicorn raises the signal again when it has ended, and all writes are on disk.
            signal.signal(number, self._end.now)
        with self._starting:
            self._starting.enter_context(collector_paused(keeps=True))
            super().run(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving; a server that is still starting has nothing to finish."""
        if not self.started:
            self._end.now()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: Any = None) -> None:
        """Start, then handle signals before the application does, whose lifespan has begun by now."""
        await super().startup(sockets)
        self._starting.close()
        for number in _SIGNALS:
            former: Any = signal.getsignal(number)
            self._handlers[number] = former
            signal.signal(number, self.receive_signal)
        # A terminal that closes sends SIGHUP; `nohup` has it ignored.
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            signal.signal(signal.SIGHUP, lambda number, frame: self.receive_signal(signal.SIGTERM, frame))

    async def on_tick(self, counter: int) -> bool:
        """Show that the event loop lives, ten times a second."""
        self._service_manager.reset_watchdog()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop listening, and let clients read for a while."""
        ending = asyncio.create_task(self._end_connections())
        await super().shutdown(sockets)
        ending.cancel()

    def receive_signal(self, number: int, frame: FrameType | None) -> None:
        """Begin the end, or hasten it if it has begun."""
        self._service_manager.stopping()
        grace_seconds = 0.0 if self._ends_at else self._grace_seconds
        self._ends_at = min(self._ends_at or float("inf"), time.monotonic() + grace_seconds)
        self._end.within(grace_seconds + LAST_SECONDS)
        self._handlers[number](number, frame)

    async def _end_connections(self) -> None:
        await asyncio.sleep(max(_READING_SECONDS, self._ends_at - time.monotonic()))
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport
            transport.abort()


class WorkerServer(ServerProcess):
    """One of several server processes on a port: it leaves SIGINT to the supervisor, and retires at SIGHUP.

    A terminal sends SIGINT to all processes, and the supervisor then sends SIGTERM. ``index`` is its own in ``counts``.
    A further SIGTERM means the same, since systemd and others send it to all processes, too; `HASTEN` ends the grace.
    It ends as after SIGTERM when its supervisor has gone: else it would keep the port from the next server.
    """

    def __init__(self, config: uvicorn.Config, *, grace_seconds: float, counts: ConnectionCounts, index: int) -> None:
        super().__init__(config, grace_seconds=grace_seconds)
        self._counts = counts
        self._index = index
        self._listeners: list[SharedListener] = []

    def run(self, sockets: Any = None) -> None:
        threading.Thread(target=end_with_supervisor, name="kedro-asgi-supervisor-watch", daemon=True).start()
        super().run(sockets)

    async def startup(self, sockets: Any = None) -> None:
        # Without sockets, uvicorn starts everything but its own listeners.
        await super().startup([])
        self._listeners = [self._listening(shared) for shared in sockets]
        servers: Any = self._listeners
        self.servers = servers
        loop = asyncio.get_running_loop()
        signal.signal(signal.SIGINT, _ignore)
        signal.signal(HASTEN, self._hasten)
        signal.signal(signal.SIGHUP, lambda number, frame: loop.call_soon_threadsafe(self._start_to_retire))

    def receive_signal(self, number: int, frame: FrameType | None) -> None:
        """Begin the end, if it has not begun."""
        if not self._ends_at:
            super().receive_signal(number, frame)

    def _hasten(self, number: int, frame: FrameType | None) -> None:
        # Of two signals that wait, Python handles this one before SIGTERM.
        self.receive_signal(signal.SIGTERM, frame)
        ServerProcess.receive_signal(self, signal.SIGTERM, frame)

    async def on_tick(self, counter: int) -> bool:
        for listener in self._listeners:
            listener.publish()
        return await super().on_tick(counter)

    def _listening(self, shared: socket.socket) -> SharedListener:
        config = self.config

        def protocol() -> Any:
            kind: Any = config.http_protocol_class
            return kind(config=config, server_state=self.server_state, app_state=self.lifespan.state)

        listener = SharedListener(
            shared,
            protocol,
            ssl=config.ssl,
            counts=self._counts,
            index=self._index,
            count=lambda: len(self.server_state.connections),
        )
        listener.listen(backlog=config.backlog)
        return listener

    def _start_to_retire(self) -> None:
        self._retiring = asyncio.create_task(self._retire())

    async def _retire(self) -> None:
        """Leave new connections to the other workers, answer on those that are open, and end when they are closed.

        A worker that refuses runs while it listens would refuse runs that another worker can take.
        """
        for listener in self._listeners:
            listener.close()
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers.append(_CLOSE)
        # The server closes a connection that stays idle for this time.
        turns = int((self.config.timeout_keep_alive + _READING_SECONDS) / _TURN_SECONDS)
        for _ in range(turns):
            # Also connections that it has accepted, and not yet begun to serve.
            if not any(listener.publish() for listener in self._listeners):
                break
            await asyncio.sleep(_TURN_SECONDS)
        self.receive_signal(signal.SIGTERM, None)


def serve_alone(app: str, **options: Any) -> None:
    """Serve in this process until a signal ends it, as ``uvicorn.run`` does."""
    server = ServerProcess(
        uvicorn.Config(app, **options), grace_seconds=grace_seconds(), service_manager=ServiceManager.of_environment()
    )
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def grace_seconds() -> float:
    """Return the grace of the server that this process's environment describes."""
    return ServerConfiguration.read().policy.grace_seconds


def end_with_supervisor() -> None:
    """Wait until the process that started this one has ended, however it ended, then end this one."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        wait([supervisor.sentinel])
        _log.error("Process [%s] ends, since its supervisor has gone.", os.getpid())
        os.kill(os.getpid(), signal.SIGTERM)


def _ignore(number: int, frame: object) -> None:
    """Ignore a signal. Unlike ``SIG_IGN``, this is not inherited by processes that a node starts."""
