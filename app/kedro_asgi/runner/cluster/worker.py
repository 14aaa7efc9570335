"""The task that Dask runs on a worker: what the process of a run asks it to do for one node."""

import logging
import ssl
from contextlib import closing, suppress
from contextvars import ContextVar, copy_context
from functools import lru_cache
from typing import Any

from distributed import get_worker
from msgspec import UNSET, UnsetType

from kedro_asgi.bridge import preserve_logging
from kedro_asgi.errors import ClusterDataLostError, NodeNotStartedError
from kedro_asgi.owned_handler import handle_as_last_resort
from kedro_asgi.runner.async_nodes import HOST_LOOP
from kedro_asgi.runner.cluster.connection import Connection, Contact, connect
from kedro_asgi.runner.cluster.requests import WITHDRAWN, FunctionCallRequest, TurnRequest
from kedro_asgi.runner.cluster.worker_calls import call_function
from kedro_asgi.runner.cluster.worker_loop import worker_loop
from kedro_asgi.runner.cluster.worker_setup import SETTING_UP, apply_setup
from kedro_asgi.runner.cluster.worker_turn import WorkerTurn
from kedro_asgi.runner.messages import LogMessage, Response, decode_request, encode
from kedro_asgi.runner.worker_logs import ForwardingHandler
from kedro_asgi.trace_context import TraceHeaders
from kedro_asgi.tracing.activation import continue_trace

_REQUEST_SECONDS = 120.0

_CONNECTION: ContextVar[Connection | None] = ContextVar("kedro_asgi_cluster_connection", default=None)


def run_node(contact: Contact, *stored: Any) -> Any:
    """Do what the process of the run asks for a node, and return the outputs that stay on the cluster.

    Dask calls a task again when it has lost the worker, or the result; the process of the run gives a node once. Then
    this raises `ClusterDataLostError`.
    """
    try:
        connection = connect(contact, ssl_context=_ssl_context() if contact.is_encrypted else None)
    except OSError as error:
        where = f"a worker cannot reach the process of the run at {contact.host}:{contact.port}"
        raise NodeNotStartedError(contact.node, f"{where}: {error}") from None
    with closing(connection):
        try:
            connection.limit_waits(_REQUEST_SECONDS)
            setup = connection.receive()
            if setup == WITHDRAWN:
                return None
            request = connection.receive()
            connection.limit_waits(None)
        except TimeoutError:
            reason = f"the process of the run sent no request for {_REQUEST_SECONDS:g} seconds"
            raise NodeNotStartedError(contact.node, reason) from None
        except (EOFError, OSError):
            raise ClusterDataLostError(contact.node) from None
        return copy_context().run(_respond, connection, setup, request, stored)


def _respond(connection: Connection, setup: bytes, data: bytes, stored: tuple[Any, ...]) -> Any:
    """Send the response to a request, and return what stays here."""
    _CONNECTION.set(connection)
    kept, response = None, b""
    try:
        request = _decoded(setup, data)
        _continue_trace(request.trace_context)
        if request.node.is_async:
            HOST_LOOP.set(worker_loop())
        match request:
            case TurnRequest():
                response, kept = WorkerTurn(request, stored, connection).take()
            case FunctionCallRequest():
                response = call_function(request, connection)
    # Also what would end this process, which works for others, too: the process of the run raises it.
    except BaseException as error:
        response = encode(Response.of_error(error))
    with suppress(OSError):  # the process of the run does not wait any more
        connection.send(response)
    return kept


def _decoded(setup: bytes, data: bytes) -> TurnRequest | FunctionCallRequest:
    apply_setup(setup)
    _forward_logs()
    with SETTING_UP, preserve_logging():
        request: TurnRequest | FunctionCallRequest = decode_request(data)
    return request


def _continue_trace(headers: TraceHeaders | UnsetType) -> None:
    if headers is not UNSET:
        continue_trace(headers)


def _forward_logs() -> None:
    """Send what nodes log to the process of their run."""
    handler = _handler()
    if handler not in logging.root.handlers:
        logging.root.addHandler(handler)


@lru_cache(maxsize=1)
def _handler() -> "_NodeLogHandler":
    return _NodeLogHandler(_send_log)


class _NodeLogHandler(ForwardingHandler):
    """Forwards the records of nodes; others are shown as if there were no handler."""

    def handle(self, record: logging.LogRecord) -> bool:
        if _CONNECTION.get() is not None:
            return bool(super().handle(record))
        if logging.root.handlers == [self]:
            handle_as_last_resort(record)
        return False


def _send_log(message: LogMessage) -> None:
    connection = _CONNECTION.get()
    if connection is not None:
        with suppress(OSError):  # the process of the run does not wait any more
            connection.send(encode(message))


def _ssl_context() -> ssl.SSLContext | None:
    worker: Any = get_worker()
    context: ssl.SSLContext | None = worker.security.get_connection_args("worker")["ssl_context"]
    return context
