"""The main function of a worker process, which calls nodes for its parent, one at a time."""

import os
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from types import GeneratorType
from typing import Any

from kedro_asgi.bridge import preserve_logging
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.messages import (
    CLOSE_GENERATOR,
    SHUT_DOWN,
    LogMessage,
    Response,
    decode_request,
    encode_chunk,
    encode_message,
    encode_result,
)
from kedro_asgi.runner.worker_logs import forward_logs
from kedro_asgi.runner.worker_signals import ignore_signals

Pipe = Connection
Prepare = Callable[[], None]


def serve(pipe: Pipe, parents_end: Pipe, prepare: Prepare | None, log_levels: Mapping[str, int]) -> None:
    """Respond to requests until the parent asks to shut down, or ends."""
    parents_end.close()
    ignore_signals()
    threading.Thread(target=_exit_with_parent, name="kedro-asgi-parent-watch", daemon=True).start()
    parent = _ParentConnection(pipe)
    # These errors mean that the parent has gone; an error of a node is part of a response.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), forward_logs(parent.send_log, log_levels):
        failure = _prepare_failure(prepare)
        while (request := parent.receive()) != SHUT_DOWN:
            if failure is None:
                _respond(parent, request)
            else:
                parent.send(encode_message(failure))


class _ParentConnection:
    """The pipe to the parent; any thread may send."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._is_parent_waiting = False

    def receive(self) -> bytes:
        """Wait for a request."""
        data = self._pipe.recv_bytes()
        self._is_parent_waiting = True
        return data

    def send(self, data: bytes, *, is_last: bool = True) -> None:
        """Send a message; after the last one of a call the parent waits for none."""
        with self._lock:
            self._is_parent_waiting = not is_last
            self._pipe.send_bytes(data)

    def send_log(self, message: LogMessage) -> None:
        """Send a log record, if the parent waits for messages."""
        data = encode_message(message)
        with self._lock:
            if self._is_parent_waiting:
                self._pipe.send_bytes(data)


def _respond(parent: _ParentConnection, request: bytes) -> None:
    """Call a node, and send its result or its error."""
    try:
        with preserve_logging():
            node, inputs = decode_request(request)
        result = node.call(inputs)
        if isinstance(result, GeneratorType) and node.is_generator:
            _send_chunks(parent, node, result)
            result = None
        response = encode_result(node, result)
    except BaseException as error:
        response = encode_message(Response.of_error(error))
    parent.send(response)


def _send_chunks(parent: _ParentConnection, node: Node, chunks: Generator[Any, None, None]) -> None:
    """Send each chunk when the parent asks for it, so that at most one is under way."""
    try:
        for chunk in chunks:
            parent.send(encode_chunk(node, chunk), is_last=False)
            if parent.receive() == CLOSE_GENERATOR:
                return
    finally:
        chunks.close()


def _prepare_failure(prepare: Prepare | None) -> Response | None:
    """Prepare this process for nodes; return the error of that, which is the response to every request."""
    try:
        if prepare is not None:
            prepare()
    except BaseException as error:
        return Response.of_error(error)
    return None


def _exit_with_parent() -> None:
    """End a worker whose parent was killed, whatever it is doing."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
