"""Messages between the event loop and the writer thread: frozen, so neither sees the state of the other."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from kedro_asgi.dispatch.stores.base import RunKey, Store, WriteResult
from kedro_asgi.dispatch.waiting_order import PackedOrder
from kedro_asgi.events import Event
from kedro_asgi.outcome import Outcome
from kedro_asgi.runs import RunId, RunRecord, RunStatus

# --- to the writer thread ---


class RunAdmitted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A run that is recorded from now on; ``stored`` is the status that the store has, ``None`` for a new run.

    A new run that is promised is written now or never: it is given up if this write fails. One that ``is_released``
    goes to the queue of the store, for any worker, and has a place there by its ``caller``.
    """

    record: RunRecord
    order: PackedOrder | None = None
    key: RunKey | None = None
    is_promised: bool = False
    is_released: bool = False
    stored: RunStatus | None = None
    last_event: int = 0
    event: Event | None = None
    caller: str | None = None


class RunChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of a run, and the event that goes with it.

    ``outputs`` holds those to be stored, as JSON or as streams of Arrow.

    A run that ``is_released`` goes back to the queue of the store, for any worker.
    """

    record: RunRecord
    event: Event | None = None
    outputs: Mapping[str, Any] = {}
    is_released: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A transaction of its own, tried once, when all that was posted before is written.

    The event loop gives ``then`` what ``call`` returned or raised, or that the store is not available.
    """

    call: Callable[[Store], Any]
    then: Callable[[Outcome[Any]], None]


# --- from the writer thread ---


class Written(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The result of writing a run's state, with the reason if it is not stored.

    ``unstorable``: the store takes no such state. ``dropped``: the store failed, and the state was given up. ``record``
    is set where another end was stored, since the real one could not be. A run that ``is_released`` is in the queue of
    the store, and no longer this worker's.
    """

    run_id: RunId
    status: RunStatus
    result: WriteResult | Literal["unstorable", "dropped"]
    is_released: bool = False
    reason: str = ""
    record: RunRecord | None = None


class GroupWritten(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The states that one group of writes stored in ``seconds``; without ``seconds``, they were given up."""

    results: tuple[Written, ...]
    seconds: float | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The answer to a request."""

    request: Request
    outcome: Outcome[Any]


class StoreChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The store cannot be written because of ``failure``; ``None``: it can be written again."""

    failure: str | None


FromWriter = GroupWritten | Answered | StoreChanged
