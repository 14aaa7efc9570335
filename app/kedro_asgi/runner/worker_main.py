"""What a worker process does: it waits for calls of nodes and answers them, one at a time."""

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
    END,
    STOP,
    Answer,
    Said,
    packed,
    packed_chunk,
    packed_result,
    unpacked_call,
)
from kedro_asgi.runner.worker_logs import logs_sent
from kedro_asgi.runner.worker_signals import disregard_signals

Pipe = Connection
Prepare = Callable[[], None]


def serve(pipe: Pipe, parents_end: Pipe, prepare: Prepare | None, log_levels: Mapping[str, int]) -> None:
    """Answer calls until the parent says that it is enough, or ends."""
    parents_end.close()
    disregard_signals()
    threading.Thread(target=_end_with_parent, name="kedro-asgi-parent-watch", daemon=True).start()
    line = _Line(pipe)
    # These say that the parent has gone; what nodes raise does not come this far.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), logs_sent(line.say, log_levels):
        problem = _problem(prepare)
        while (call := line.receive()) != END:
            if problem is None:
                _answer(line, call)
            else:
                line.send(packed(problem))


class _Line:
    """The way to the parent; any thread may send."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._is_heard = False

    def receive(self) -> bytes:
        """Wait for what the parent says."""
        data = self._pipe.recv_bytes()
        self._is_heard = True
        return data

    def send(self, data: bytes, *, is_last: bool = True) -> None:
        """Send a message; after the last one of a call the parent does not listen."""
        with self._lock:
            self._is_heard = not is_last
            self._pipe.send_bytes(data)

    def say(self, said: Said) -> None:
        """Send a line of the log, if somebody listens."""
        data = packed(said)
        with self._lock:
            if self._is_heard:
                self._pipe.send_bytes(data)


def _answer(line: _Line, call: bytes) -> None:
    """Make a call, and tell what comes of it, whatever it is."""
    try:
        with preserve_logging():
            node, inputs = unpacked_call(call)
        result = node.call(inputs)
        if isinstance(result, GeneratorType) and node.is_generator:
            _answer_chunks(line, node, result)
            result = None
        answer = packed_result(node, result)
    except BaseException as error:
        answer = packed(Answer.of_error(error))
    line.send(answer)


def _answer_chunks(line: _Line, node: Node, chunks: Generator[Any, None, None]) -> None:
    """Send each chunk when the parent wants it, so that no more than one is under way (RUN-15)."""
    try:
        for chunk in chunks:
            line.send(packed_chunk(node, chunk), is_last=False)
            if line.receive() == STOP:
                return
    finally:
        chunks.close()


def _problem(prepare: Prepare | None) -> Answer | None:
    """Make this process ready for nodes; what kept it from that is the answer to every call."""
    try:
        if prepare is not None:
            prepare()
    except BaseException as error:
        return Answer.of_error(error)
    return None


def _end_with_parent() -> None:
    """A worker whose parent was killed must not stay, whatever it is doing."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
