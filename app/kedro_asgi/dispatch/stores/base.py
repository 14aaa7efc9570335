"""The contracts of a store of runs, one for each concern, and the structs that go in and come out."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from kedro_asgi.dispatch.stores.notifications import NewNotification, NotificationQueue, NotificationReader
from kedro_asgi.dispatch.stores.schedules import ScheduledRun, ScheduleStore
from kedro_asgi.dispatch.waiting_order import PackedOrder
from kedro_asgi.runs import ErrorDetail, RunId, RunPage, RunQuery, RunRecord, RunStatus

# The result of one `RunWrite`: it was stored, its key already stands for another run, another worker owns the run, or
# the queue of the store is full.
WriteResult = Literal["stored", "conflict", "lost", "full"]

WakeTopic = Literal["events", "queue", "ends", "cancels", "runs"]
"""The parts of a store that a worker reads again when another one has written.

New events, runs in the queue, ends of runs, cancel requests for this worker's runs, or runs that another worker has
taken from it.
"""


class EventBatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Consecutive events of one run, numbered ``first`` to ``last``, as a JSON array.

    The store numbers the batches of all runs in the order of their commits: that number is ``position``.
    """

    run_id: str
    first: int
    last: int
    payload: bytes
    is_last: bool = False
    position: int = 0


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key, the run that it stands for, and the digest of the order.

    A stored key that is older than ``not_before_ms`` is replaced. Times are milliseconds since 1970.
    """

    key: str
    digest: str
    run_id: str
    created_at_ms: int
    not_before_ms: int = 0


RunKey = IdempotencyKey | ScheduledRun
"""A key that only one run may have."""


class RunWrite(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of a run that the store is to have; ``expected_status`` is ``None`` for a run that it does not have.

    ``unconfirmed_statuses`` were sent to the store in attempts that failed; the store may have any of them in place of
    the expected one. The end of a run deletes its order if that is larger than ``keep_order_bytes``. Notifications that
    the store has already stay as they are. Times are milliseconds since 1970.

    A new run without an ``owner`` waits in the queue of the store, unless ``max_queued`` runs wait there; with
    ``is_released``, the owner leaves its run to that queue. No worker claims it before ``due_at_ms``. A new run counts
    for the share of its ``caller``.

    A new run that ``replaces`` another one of the same group has no key, and is stored only if the write of that other
    run is: else it is ``lost``.
    """

    record: RunRecord
    expected_status: RunStatus | None
    owner: str | None
    unconfirmed_statuses: tuple[RunStatus, ...] = ()
    created_at_ms: int
    ended_at_ms: int | None = None
    order: PackedOrder | None = None
    key: RunKey | None = None
    event_batches: Sequence[EventBatch] = ()
    outputs: Sequence[tuple[str, bytes]] = ()
    notifications: Sequence[NewNotification] = ()
    keep_order_bytes: int = 0
    max_queued: int | None = None
    is_released: bool = False
    due_at_ms: int | None = None
    caller: str | None = None
    replaces: RunId | None = None


class AdoptedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has a new owner; ``order`` is ``None`` where the run cannot be repeated.

    ``stored`` is the status in the store. ``problem`` says why the stored record or order cannot be read.
    """

    record: RunRecord
    stored: RunStatus
    order: PackedOrder | None
    is_cancel_requested: bool
    last_event: int
    problem: ErrorDetail | None = None
    caller: str | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that a worker has taken from the queue, oldest first, and when to look again.

    ``is_any_left`` tells that more runs may be due. ``next_due_at_ms`` is when the next of the others is.
    """

    runs: tuple[AdoptedRun, ...] = ()
    is_any_left: bool = False
    next_due_at_ms: int | None = None


class OldRecords(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of runs to delete, and idempotency keys to delete for their age."""

    run_ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class StoreLifecycle(Protocol):
    """Opens and closes a store, and tells whether it can be written."""

    is_shared: bool
    """Whether several processes may use the store at once."""

    def open(self, owner: str) -> None:
        """Create or migrate the store and register ``owner`` as a live worker.

        Raises `StoreVersionError` if a newer version of kedro-asgi wrote the store.
        """

    def close(self) -> None:
        """Close the store; other workers then see that the owner is dead."""

    def check_writable(self) -> None:
        """Write something that changes nothing."""


class RunWriter(Protocol):
    """Writes the state of runs, and deletes old runs."""

    def write(self, writes: Sequence[RunWrite]) -> list[WriteResult]:
        """Write all states in one transaction, or none; the results have the order of ``writes``."""

    def delete_old(self, old: OldRecords, *, keys_before_ms: int) -> None:
        """Delete runs with all that is kept of them, and the given keys that were created before ``keys_before_ms``."""

    def give_back_space(self) -> bool:
        """Give a part of the space of deleted runs back to the system; return whether there is more to give back."""


class DayRetention(Protocol):
    """Forgets the runs of whole days at once, where the store keeps each day apart."""

    def forget_day(self, *, before_run_id: str, keep_runs: int, keep_bytes: int) -> int | None:
        """Drop the oldest day beyond the limits of `RunReader.find_old`, and make room for the coming days.

        Today and days of which a run has not ended are never dropped. Returns the number of its runs; ``None`` where
        no day is dropped, such as in a store that has all days in one place.
        """


class RunReader(Protocol):
    """Reads runs, their outputs and idempotency keys.

    A record that cannot be read, since the store is damaged, is replaced by one that says so in its ``error``.
    """

    def find_old(
        self, *, before_run_id: str, keep_runs: int, keep_bytes: int, keys_before_ms: int, limit: int
    ) -> OldRecords:
        """Return ended runs with ids before ``before_run_id`` and all but the newest ``keep_runs``, the oldest first.

        While the store holds more than ``keep_bytes``, the oldest ended runs belong to them, too; keys were created
        before ``keys_before_ms``. At most ``limit`` runs for each reason, and ``limit`` keys, are returned.
        """

    def read_run(self, run_id: str) -> RunRecord | None:
        """Return the record of a run."""

    def read_order(self, run_id: str) -> PackedOrder | None:
        """Return the order of a run; ``None`` if it is not kept. Raises `UnreadableRunError`."""

    def list_runs(self, query: RunQuery) -> RunPage:
        """Return the runs that match, newest first."""

    def read_key(self, key: str, *, not_before_ms: int) -> IdempotencyKey | None:
        """Return the stored key, unless it was created before ``not_before_ms``."""

    def read_output(self, run_id: str, name: str) -> bytes | None:
        """Return an output of a run, as JSON or as a stream of Arrow."""

    def ended_runs(self, run_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these runs of which no more events come: they have ended, or do not exist."""


class EventReader(Protocol):
    """Reads events, in batches and in order."""

    def events_of_run(self, run_id: str, *, after: int, limit: int) -> list[EventBatch]:
        """Return batches of a run that hold events after number ``after``."""

    def events_after(self, position: int, *, limit: int) -> list[EventBatch]:
        """Return batches of all runs after ``position``."""

    def last_position(self) -> int:
        """Return the position of the newest batch."""


class WorkerCoordination(Protocol):
    """Lets workers send cancel requests to each other, and adopt the runs of dead workers."""

    def request_cancel(self, run_id: str) -> bool:
        """Ask the owner of a run to cancel it; false if the run has ended or does not exist."""

    def requested_cancels(self, owner: str) -> list[str]:
        """Return the runs of ``owner`` that any worker asked to cancel."""

    def orphaned_runs(self, owner: str, *, limit: int, with_queue: bool = True) -> list[tuple[RunId, str | None]]:
        """Return unended runs without a live owner, oldest first, each with its owner.

        ``with_queue`` of ``False`` leaves out the runs in the queue, which `RunQueue.claim_runs` takes. The call also
        renews the sign of life of ``owner``, the worker that asks. Where there are many workers, most calls do no more.
        """

    def adopt(self, run_id: str, *, former_owner: str | None, owner: str) -> AdoptedRun | None:
        """Make ``owner`` the owner of a run; ``None`` if the run has ended or ``former_owner`` no longer has it."""

    def release_queued(self, owner: str) -> None:
        """Give up the queued runs of ``owner``: any worker may adopt them."""


class RunQueue(Protocol):
    """The queue of the store: queued runs without an owner, which any worker may claim."""

    def claim_runs(
        self, owner: str, *, limit: int, max_owned: int | None, now_ms: int, by_caller: bool = False
    ) -> Claim:
        """Make ``owner`` the owner of runs that are due by ``now_ms``, at most ``limit``.

        With ``max_owned``, all workers together own at most that number of unended runs afterwards. With
        ``by_caller``, each run is the oldest one of the caller of which workers have the fewest.
        """

    def has_due_runs(self, *, now_ms: int) -> bool:
        """Tell whether a claim would find a run, without locking out workers that write."""

    def count_queued(self) -> int:
        """Return how many runs wait in the queue, without those that wait for their next attempts."""

    def return_runs(self, run_ids: Sequence[str], *, owner: str) -> None:
        """Put queued runs of ``owner`` back into the queue."""

    def owned_runs(self, owner: str) -> frozenset[str]:
        """Return the ids of the unended runs that ``owner`` has."""


class WakeSource(Protocol):
    """Wakes the workers that look into the store when another one has written something that they look for."""

    has_wakes: bool
    """Whether the store can wake workers; if not, they look often."""

    @property
    def is_listening(self) -> bool:
        """Whether wakes arrive at this moment."""

    def listen(self, owner: str, wake: Callable[[frozenset[WakeTopic]], None]) -> None:
        """Call ``wake``, from a thread of the store, for what another worker has written; until `close`.

        Each time that wakes begin to arrive, it is called with all topics, since some may have been lost before.
        """


class Store(
    StoreLifecycle,
    RunWriter,
    DayRetention,
    RunReader,
    EventReader,
    WorkerCoordination,
    RunQueue,
    WakeSource,
    NotificationQueue,
    NotificationReader,
    ScheduleStore,
    Protocol,
):
    """Keeps runs, events, outputs, keys, notifications and the state of schedules.

    Methods block. Any thread may call any method but `open` and `close`. Each call that writes runs is one
    transaction. ``owner`` is the worker process that has a run. Only the owner writes the state of a run, and each
    write names the status that it expects to replace, so the later of two contradicting writes changes nothing. All
    methods raise `StoreUnavailableError` while the store cannot be reached, read or written.
    """
