"""The messages between a server and a Dask worker that executes its runs."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kedro_asgi.cluster_member import MemberFacts
from kedro_asgi.events import RunEvent
from kedro_asgi.runs import RunId
from kedro_asgi.trace_context import TraceHeaders

HANDLER = "kedro-asgi-runs"
"""The operation of a Dask worker that opens a connection for the messages."""

LAST_SECONDS = 1.0
"""How long runs whose connection has ended may go on on a worker: another server may begin them again."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One placement of a run on the cluster; the task of Dask has nothing else, so that its order is never there twice.

    ``server`` is the topic under which a worker that has no connection to the server asks for one. ``reload`` names the
    server's last reload, and is empty before the first one.
    """

    ticket_id: str
    server: str
    run_id: RunId
    facts: MemberFacts
    reload: str = ""


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a server that a worker needs for all its runs."""

    server: str
    log_levels: dict[str, int]
    silence_seconds: float

    @property
    def ping_seconds(self) -> float:
        """How often each end tells that it is alive."""
        return self.silence_seconds / 4


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """A message about a run; ``parts`` is the number of frames that follow it: a pickle and its buffers."""

    ticket_id: str = ""
    parts: int = 0


class Ping(Message, frozen=True, kw_only=True):
    """The sender is alive."""


class Received(Message, frozen=True, kw_only=True):
    """``size_bytes`` have arrived since the last message of this kind."""

    size_bytes: int


# --- from the worker ---


class OrderRequested(Message, frozen=True, kw_only=True):
    """A thread of the worker is ready for the run."""


class EventEmitted(Message, frozen=True, kw_only=True):
    """Something happened to the run."""

    content: RunEvent


class RecordLogged(Message, frozen=True, kw_only=True):
    """Code of the run logged the record in ``parts`` while it worked for ``node``."""

    node: str | None = None


class ChunkYielded(Message, frozen=True, kw_only=True):
    """A generator node has yielded the JSON in ``parts`` for ``output``; or its ``problem`` ends the chunks of that."""

    output: str
    problem: str | None = None


class ExecutionEnded(Message, frozen=True, kw_only=True):
    """Nothing of the run is executed any more; ``parts`` are its `Execution`."""


# --- from the server ---


class OrderGiven(Message, frozen=True, kw_only=True):
    """The run is this worker's, and no other's; ``parts`` are the functions that read it and convert outputs.

    ``max_bytes`` limits what its outputs take together. ``streamed`` are the outputs whose chunks are sent as they are
    made.
    """

    max_bytes: int
    full_tracebacks: bool
    streamed: frozenset[str] = frozenset()
    trace_context: TraceHeaders | UnsetType = UNSET


class OrderRefused(Message, frozen=True, kw_only=True):
    """The run is not wanted any more, or another worker has it."""


class ChunkTaken(Message, frozen=True, kw_only=True):
    """The reader has one more chunk of the run."""


class StopRequested(Message, frozen=True, kw_only=True):
    """The run is to stop; ``parts`` are the reason."""


FromWorker = Ping | Received | OrderRequested | EventEmitted | RecordLogged | ChunkYielded | ExecutionEnded
FromServer = Ping | Received | OrderGiven | OrderRefused | ChunkTaken | StopRequested

FROM_WORKER: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
FROM_SERVER: msgspec.msgpack.Decoder[FromServer] = msgspec.msgpack.Decoder(FromServer)


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """Return a struct as values that any version of kedro-asgi can read, to find out that it is another one."""
    made: dict[str, Any] = msgspec.to_builtins(value)
    return made
