"""The main function of a worker process, which calls nodes for its parent, one at a time."""

import os
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from types import GeneratorType
from typing import Any

from msgspec import UNSET

from kedro_asgi.bridge import preserve_logging
from kedro_asgi.runner.messages import (
    CLOSE_GENERATOR,
    SAVE,
    SHUT_DOWN,
    CallRequest,
    LogMessage,
    Response,
    SaveRequest,
    decode_request,
    encode,
    encode_outputs,
)
from kedro_asgi.runner.process_state import ProcessState
from kedro_asgi.runner.remote_datasets import RemoteDataset
from kedro_asgi.runner.worker_logs import forward_logs
from kedro_asgi.runner.worker_signals import ignore_signals
from kedro_asgi.tracing.activation import continue_trace
from kedro_asgi.tracing.sdk import flush_spans, set_up_inherited_sdk

Pipe = Connection
Prepare = Callable[[], None]


def serve(pipe: Pipe, parents_end: Pipe, prepare: Prepare | None, state: ProcessState) -> None:
    """Respond to requests until the parent asks to shut down, or ends."""
    parents_end.close()
    ignore_signals()
    threading.Thread(target=_exit_with_parent, name="kedro-asgi-parent-watch", daemon=True).start()
    parent = _ParentConnection(pipe)
    # These errors mean that the parent has gone; an error of a node is part of a response.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        forward_logs(parent.send_log)
        state.apply()
        responder = _Responder(parent, _prepare_failure(prepare))
        while (request := parent.receive()) != SHUT_DOWN:
            responder.respond(request)
        flush_spans()


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
        data = encode(message)
        with self._lock:
            if self._is_parent_waiting:
                self._pipe.send_bytes(data)


class _Responder:
    """Responds to the requests of the parent, one at a time.

    ``failure`` is the response to every call, if this process could not be prepared for nodes. Outputs that cannot be
    sent stay here until they are saved, or until the next call.
    """

    def __init__(self, parent: _ParentConnection, failure: Response | None) -> None:
        self._parent = parent
        self._failure = failure
        self._kept: dict[str, Any] = {}

    def respond(self, request: bytes) -> None:
        """Respond to a request; its second part follows."""
        second = self._parent.receive()
        if self._failure is not None:
            response = encode(self._failure)
        elif request == SAVE:
            response = self._save(second)
        else:
            response = self._call(request, second)
        self._parent.send(response)

    def _call(self, state: bytes, request: bytes) -> bytes:
        """Call a node, and return its result or its error."""
        self._kept = {}
        try:
            call = self._decoded_call(state, request)
            inputs = {name: _value(data) for name, data in call.inputs.items()}
            result = call.node.call(inputs)
            if isinstance(result, GeneratorType) and call.node.is_generator:
                self._send_chunks(call, result)
                result = None
            response, self._kept = encode_outputs(call, result)
        except BaseException as error:
            return encode(Response.of_error(error))
        return response

    def _decoded_call(self, state: bytes, request: bytes) -> CallRequest:
        present: ProcessState = decode_request(state)
        present.apply()
        if present.trace_context is not UNSET:
            set_up_inherited_sdk()
        continue_trace(present.trace_context)
        with preserve_logging():
            call: CallRequest = decode_request(request)
        # Now, as the modules of the node are imported, which have classes of warnings.
        present.filter_warnings()
        return call

    def _send_chunks(self, call: CallRequest, chunks: Generator[Any, None, None]) -> None:
        """Send each chunk when the parent asks for it, so that at most one is under way."""
        try:
            for chunk in chunks:
                message, self._kept = encode_outputs(call, chunk, is_chunk=True)
                self._parent.send(message, is_last=False)
                while (request := self._parent.receive()) == SAVE:
                    self._parent.send(self._save(self._parent.receive()), is_last=False)
                if request == CLOSE_GENERATOR:
                    return
        finally:
            chunks.close()

    def _save(self, request: bytes) -> bytes:
        """Save a kept output, and return the response."""
        try:
            with preserve_logging():
                save: SaveRequest = decode_request(request)
            save.dataset.save(self._kept.pop(save.output))
        except BaseException as error:
            return encode(Response.of_error(error))
        return encode(Response())


def _value(data: Any) -> Any:
    return data.load() if isinstance(data, RemoteDataset) else data


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
