"""The contract of all stores of runs, and what goes into them and comes out."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from kedro_asgi.runs import RunId, RunOrder, RunPage, RunQuery, RunRecord, RunStatus

# What became of an entry: it is in the store; its key already stands for another run; another worker took the run.
WriteResult = Literal["stored", "conflict", "lost"]


class EventBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive events of a run, as a JSON array; ``position`` is the chunk's place among those of all runs."""

    run_id: str
    first: int
    last: int
    payload: bytes
    is_last: bool = False
    position: int = 0


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key: the run that it stands for, and the digest of what was ordered.

    One that was made before ``not_before`` gives way to it.
    """

    key: str
    digest: str
    run_id: str
    created_at: int
    not_before: int = 0


class RunWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A run's state, to be written; ``was`` is the status that the store has, ``None`` for a run that it has not.

    ``tried`` are states that were written since, of which nobody heard whether they arrived: the store may have any of
    them instead. Times are milliseconds since 1970.
    """

    record: RunRecord
    was: RunStatus | None
    owner: str
    tried: tuple[RunStatus, ...] = ()
    created_at: int
    ended_at: int | None = None
    order: RunOrder | None = None
    key: IdempotencyKey | None = None
    chunks: Sequence[EventBatch] = ()
    outputs: Sequence[tuple[str, bytes]] = ()


class AdoptedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was taken over: its record, its order (``None`` where it cannot be repeated), and how far it got."""

    record: RunRecord
    order: RunOrder | None
    wants_cancel: bool
    last_event: int


class Store(Protocol):
    """Keeps runs, events, outputs and keys. Blocking; every method but `open` and `close` may be called by any thread.

    Each call is one transaction. ``owner`` is the worker process that has a run; only it writes the run's state, and
    every write names the status that it expects to replace, so that one of two that disagree comes to nothing. All
    methods raise `StoreUnavailableError` while the store cannot be reached, read or written.
    """

    is_shared: bool
    """Whether other processes may use the same store."""

    def open(self, owner: str) -> None:
        """Make or migrate the store and say that ``owner`` lives; raises `StoreVersionError` for a newer one."""

    def close(self) -> None:
        """End ``owner``'s life and close."""

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        """Write all entries, or none; answers in the order of ``entries``."""

    def probe(self) -> None:
        """Write something that changes nothing."""

    def read(self, run_id: str) -> RunRecord | None:
        """Return a run's record."""

    def find(self, query: RunQuery) -> RunPage:
        """Return the runs that match, newest first."""

    def find_key(self, key: str, *, not_before: int) -> IdempotencyKey | None:
        """Return what a key stands for, unless it is older than ``not_before``."""

    def output(self, run_id: str, name: str) -> bytes | None:
        """Return a kept output as JSON."""

    def events_of(self, run_id: str, *, after: int, limit: int) -> list[EventBatch]:
        """Return chunks of a run with events behind number ``after``, in order."""

    def events_behind(self, position: int, *, limit: int) -> list[EventBatch]:
        """Return chunks of all runs behind ``position``, in order."""

    def last_position(self) -> int:
        """Return the position of the newest chunk."""

    def ask_cancel(self, run_id: str) -> bool:
        """Ask the owner of a run to cancel it; false if it has ended or is not known."""

    def asked_cancels(self, owner: str) -> list[str]:
        """Return the runs of ``owner`` that somebody asked to cancel."""

    def orphans(self, owner: str, *, limit: int) -> list[tuple[RunId, str | None]]:
        """Return runs without an end whose owner is dead, oldest first, with that owner."""

    def take(self, run_id: str, *, former: str | None, owner: str) -> AdoptedRun | None:
        """Make ``owner`` the owner of a run of ``former``; ``None`` if somebody else was faster."""

    def release(self, owner: str) -> None:
        """Give up the queued runs of ``owner``: any worker may take them."""

    def forget(self, *, before: str, keep: int, keys_before: int, limit: int) -> int:
        """Delete ended runs with ids before ``before``, and all but the newest ``keep``; ``limit`` of each at a time.

        Keys go with their run, or when they were made before ``keys_before``.
        """
