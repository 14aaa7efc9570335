"""The port at which ``kedro-asgi worker`` answers scrapes and probes."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from kedro_asgi.cli.connection_options import connection_options
from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.listening_socket import listening_socket
from kedro_asgi.cli.run_worker import NoteStatus
from kedro_asgi.cli.shared_files import check_temporary_folder, shared_files
from kedro_asgi.forked_children import call_in_forked_children
from kedro_asgi.server.configuration import METRICS_FOLDER_VARIABLE, ConnectionLimits, ServerConfiguration
from kedro_asgi.server.worker_app import WorkerStatus, create_worker_app

# How long clients may still read when the command ends, and how long it waits for the thread.
_READING_SECONDS = 0.3
_LAST_SECONDS = 1.0


class WorkerAddress(NamedTuple):
    """Where the port is."""

    host: str
    port: int


@contextmanager
def worker_endpoint(address: WorkerAddress | None) -> Iterator[NoteStatus]:
    """Answer at an address while this block lasts, also while it waits for processes; yield what notes their status.

    The processes share what they count in a folder, whose variable is set. Without an address, nothing is answered.
    """
    if address is None:
        yield _forget
        return
    with ExitStack() as stack:
        listening = stack.enter_context(listening_socket(*address))
        # A child of a node that forks may outlive the worker, and would keep the port from the next one.
        call_in_forked_children(listening, socket.socket.close)
        noted = _Noted()
        with one_line_errors():
            limits, configuration = ConnectionLimits.read(), ServerConfiguration.read()
        if configuration.metrics and configuration.metrics_folder is None:
            check_temporary_folder()
            stack.enter_context(shared_files({METRICS_FOLDER_VARIABLE: "metrics"}))
            configuration = ServerConfiguration.read()
        with one_line_errors():
            app = create_worker_app(configuration, lambda: noted.status)
        stack.enter_context(_served(app, limits, listening))
        yield noted.note


class _Noted:
    """The status that the main thread notes, and the thread of the endpoint reads."""

    def __init__(self) -> None:
        self.status: WorkerStatus = "starting"

    def note(self, status: WorkerStatus) -> None:
        """Note a status; the next answer tells it."""
        self.status = status


class _Server(uvicorn.Server):
    """uvicorn's server, which waits for no client at its end."""

    async def shutdown(self, sockets: Any = None) -> None:
        ending = asyncio.get_running_loop().call_later(_READING_SECONDS, self._abort)
        await super().shutdown(sockets)
        ending.cancel()

    def _abort(self) -> None:
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport
            transport.abort()


@contextmanager
def _served(app: ASGIApp, limits: ConnectionLimits, listening: socket.socket) -> Iterator[None]:
    """Serve in a thread, so that neither the event loop of runs nor a supervisor that waits delays an answer.

    The thread handles no signals, and a process that ends does not wait for it.
    """
    options: dict[str, Any] = {"lifespan": "off", "ws": "none", "log_config": None, "log_level": "warning"}
    server = _Server(uvicorn.Config(app, access_log=False, **options, **connection_options(limits)))
    thread = threading.Thread(target=server.run, args=([listening],), name="kedro-asgi-worker-endpoint", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_LAST_SECONDS)


def _forget(status: WorkerStatus) -> None:
    """Note nothing: nobody asks."""
