"""The messages between a server and the process of a run, and the pipe that carries them."""

import pickle
from collections.abc import Callable
from logging import LogRecord
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.message_pickle import Buffer, decode_message
from kedro_asgi.dispatch.executors.process.shared_file import SharedFile
from kedro_asgi.events import Event, RunEvent
from kedro_asgi.runner.chunk_stream import Chunk
from kedro_asgi.runs import RunId
from kedro_asgi.session import Convert
from kedro_asgi.trace_context import TraceHeaders

if TYPE_CHECKING:
    from kedro_asgi.session import KedroServiceSession

# How a message begins: with what it holds, or where that is.
_EVENT = b"E"
_CHUNK = b"C"
_PICKLE = b"P"
_IN_FILE = b"F"
# Smaller values go through the pipe, in one message.
_LARGE_BYTES = 64 * 2**10

_EVENT_ENCODER = msgspec.msgpack.Encoder()
_CHUNK_DECODER = msgspec.msgpack.Decoder(tuple[str, bytes, str | None])
_EVENT_DECODER: msgspec.msgpack.Decoder[RunEvent] = msgspec.msgpack.Decoder(RunEvent)
_SIZES_DECODER = msgspec.msgpack.Decoder(list[int])


class ProcessSetup(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How a process that executes runs opens the project; all of it can be pickled.

    ``backend`` is the name of the event loop there.
    """

    create: "Callable[[], KedroServiceSession]"
    convert: Convert
    full_tracebacks: bool
    backend: str


class ExecutionRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Asks the process to execute a run; the next message is the function that reads its order.

    ``streamed`` are the outputs whose chunks come back as they are made. ``trace_context`` is the span of the run.
    """

    run_id: RunId
    streamed: frozenset[str] = frozenset()
    trace_context: TraceHeaders | UnsetType = UNSET


class ProcessOpened(msgspec.Struct, frozen=True, kw_only=True):
    """The process has opened the project, or cannot open it and fails each run; it executes runs from now on."""

    is_broken: bool


class RecordLogged(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Code of the run logged a record while it worked for ``node``."""

    record: LogRecord
    node: str | None


class ExecutionReply(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The run has ended, and the process can take another one, unless ``is_last``."""

    execution: Execution
    is_last: bool = False


class ShutDown(msgspec.Struct, frozen=True, kw_only=True):
    """Asks the process to end."""


class MessagePipe:
    """One end of a pipe. Large values go through a file in memory for each direction; see `SharedFile`.

    The methods raise ``OSError`` or ``EOFError`` when the other process has gone. One thread may receive at a time, and
    one may send.
    """

    def __init__(self, connection: Connection, *, outgoing: SharedFile, incoming: SharedFile) -> None:
        self._connection = connection
        self._outgoing = outgoing
        self._incoming = incoming

    def send_event(self, event: Event) -> None:
        """Send an event of a run."""
        self._connection.send_bytes(_EVENT + _EVENT_ENCODER.encode(event))

    def send_chunk(self, chunk: Chunk) -> None:
        """Send a chunk of JSON, of any size, through the pipe: the file has one value at a time."""
        value = b"" if chunk.value is None else bytes(chunk.value)
        self._connection.send_bytes(_CHUNK + _EVENT_ENCODER.encode((chunk.output, value, chunk.problem)))

    def send_record(self, logged: RecordLogged) -> None:
        """Send a record through the pipe, whatever its size: others may follow before the first one is read."""
        self._connection.send_bytes(_PICKLE + pickle.dumps(logged, protocol=5))

    def send(self, parts: list[Buffer]) -> None:
        """Send a message that `message_pickle.encode_message` has encoded."""
        if len(parts) == 1 and len(parts[0]) <= _LARGE_BYTES:
            self._connection.send_bytes(_PICKLE + parts[0])
        else:
            sizes = self._outgoing.write(parts)
            self._connection.send_bytes(_IN_FILE + _EVENT_ENCODER.encode(sizes))

    def receive(self) -> Any:
        """Wait for a message and return it; raises what the classes of its values raise when they are restored."""
        data = self._connection.recv_bytes()
        match data[:1], memoryview(data)[1:]:
            case b"E", content:
                return _EVENT_DECODER.decode(content)
            case b"C", content:
                output, json, problem = _CHUNK_DECODER.decode(content)
                return Chunk(output=output, value=msgspec.Raw(json), problem=problem)
            case b"F", content:
                return decode_message(self._incoming.read(_SIZES_DECODER.decode(content)))
            case _, content:
                return pickle.loads(content)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()
        self._outgoing.close()
        self._incoming.close()
