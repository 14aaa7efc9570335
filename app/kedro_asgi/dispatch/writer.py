"""The thread that writes what happens to runs into the store, in groups."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from kedro_asgi.dispatch.messages import (
    Answered,
    FromWriter,
    GroupWritten,
    Request,
    RunAdmitted,
    RunChanged,
    StoreChanged,
    Written,
)
from kedro_asgi.dispatch.outbox import Outbox
from kedro_asgi.dispatch.pending_write import PendingWrite, WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.errors import StoreUnavailableError, StoreVersionError
from kedro_asgi.events import Event
from kedro_asgi.outcome import Outcome
from kedro_asgi.run_context import run_facts
from kedro_asgi.runs import FINAL, RunId

T = TypeVar("T")

Posted = RunAdmitted | Outbox | Request

_log = SafeLogger(__name__)

# A run without a promise that has not ended is written when it is older than this number of lingers. So of short runs
# of 32 callers, each is written once; without this, a fifth to a half of them twice.
_YOUNG_LINGERS = 5
_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)


class Writer:
    """Collects messages for a moment and writes the runs that they change as one transaction; ``answer`` gets results.

    While the store fails, the states of promised runs wait in memory without limit (they are no more than were
    admitted), those of other runs up to ``max_unwritten_runs``; all are tried again. Any thread may call `post`;
    `open_store`, which comes before `start`, and `close` block; everything else belongs to the writer thread.
    """

    def __init__(
        self,
        store: Store,
        options: WriteOptions,
        policy: Policy,
        *,
        answer: Callable[[Sequence[FromWriter]], None],
    ) -> None:
        self._store = store
        self._options = options
        self._policy = policy
        self._answer = answer
        self._inbox: SimpleQueue[Posted] = SimpleQueue()
        self._urgent: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kedro-asgi-writer", daemon=True)
        # The caller that opens the store may be cancelled while a thread goes on with it.
        self._store_turn = threading.Lock()
        self._is_store_open = False
        self._is_closed = False
        # The writer thread's.
        self._failure: str | None = None
        self._pending: dict[str, PendingWrite] = {}
        self._changed: dict[str, PendingWrite] = {}
        self._requests: list[Request] = []

    def post(self, posted: Posted, /, *, is_urgent: bool = False) -> None:
        """Queue ``posted``; ``is_urgent`` has it written now, with all that was queued before."""
        self._inbox.put(posted)
        if is_urgent:
            self._urgent.put(None)

    @property
    def backlog(self) -> int:
        """How many messages, runs and requests wait; any thread may ask."""
        return self._inbox.qsize() + len(self._changed) + len(self._requests)

    def open_store(self) -> None:
        """Open the store; raises `StoreVersionError`, but not that the store is unavailable."""
        try:
            self._open_store()
        except StoreUnavailableError as error:
            # The writer thread has not started, so this one may change what belongs to it.
            self._fail(error)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is left, if the store lets us, end the thread and close the store."""
        if self._thread.is_alive():
            self._closing.set()
            self.post(Request(call=lambda store: None, then=lambda outcome: None), is_urgent=True)
            self._thread.join()
        with self._store_turn:
            self._is_closed = True
            self._store.close()

    # --- in the writer thread ---

    def _run(self) -> None:
        failures = 0
        is_closing = False
        while not (is_closing and (failures or self._inbox.empty())):
            self._collect(failures)
            # Asked before the write: after `close` was called, everything is tried once more.
            is_closing = self._closing.is_set()
            try:
                self._write_group()
                failures = 0
            except Exception as error:
                # Any error, such as a permission that was revoked: without this thread, all callers would wait forever.
                self._fail(_unavailable(error))
                failures += 1
        self._drain_inbox()
        self._refuse(StoreUnavailableError(self._failure or "it is closed"))
        if self._changed:
            _log.error("The last states of %s runs could not be written: %s", len(self._changed), self._failure)

    def _collect(self, failures: int) -> None:
        """Wait for a message, then for an urgent one, but not long; while the store fails, until it is tried again."""
        if self._failure is None:
            linger = self._policy.linger_seconds
            with suppress(Empty):
                # Runs that were left for a later group are written also if nothing else happens.
                self._take(self._inbox.get(timeout=linger if self._changed else None))
                self._urgent.get(timeout=linger)
        else:
            self._closing.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
        self._drain_inbox()

    def _drain_inbox(self) -> None:
        # The signals first, or one that belongs to a later message might be swallowed.
        for _ in _drained(self._urgent):
            pass
        for posted in _drained(self._inbox):
            self._take(posted)

    def _take(self, posted: Posted) -> None:
        match posted:
            case Outbox(run_id=run_id, is_lost=True):
                self._forget(run_id)
            case Outbox(run_id=run_id):
                self._take_messages(run_id, posted.take())
            case RunAdmitted(record=record, stored=stored):
                pending = self._pending[record.run_id] = PendingWrite(posted, self._options)
                if stored is None:
                    self._changed[record.run_id] = pending
            case Request():
                self._requests.append(posted)

    def _take_messages(self, run_id: RunId, messages: Sequence[Event | RunChanged]) -> None:
        pending = self._pending.get(run_id)
        if pending is not None:
            if pending.take(messages):
                self._changed[run_id] = pending
        else:
            # The run was given up before.
            states = [message.record.status for message in messages if isinstance(message, RunChanged)]
            self._report([Written(run_id=run_id, status=status, result="lost") for status in states])

    def _write_group(self) -> None:
        # Unless it is open: a store may not be available at first.
        self._open_store()
        if not self._changed and self._failure is not None:
            # With nothing to write, nothing would fail.
            self._store.check_writable()
        left = self._left_for_later()
        begun = time.perf_counter()
        results = self._write([found for run_id, found in self._changed.items() if run_id not in left])
        if self._failure is not None:
            self._failure = None
            self._answer([StoreChanged(failure=None)])
            _log.warning("The store of runs is available again.")
        self._changed = left
        self._report(results, seconds=time.perf_counter() - begun)
        requests, self._requests = self._requests, []
        unavailable: StoreUnavailableError | None = None
        for request in requests:
            outcome = Outcome.of(partial(request.call, self._store))
            self._answer([Answered(request=request, outcome=outcome)])
            if isinstance(outcome.error, StoreUnavailableError):
                unavailable = outcome.error
        # Where no run has to be written, only requests find that out.
        if unavailable is not None:
            self._fail(unavailable)

    def _left_for_later(self) -> dict[str, PendingWrite]:
        """Return the runs that may end in a moment, unless a request needs to see them: so they are written once."""
        if self._requests or self._failure is not None:
            return {}
        since = time.monotonic() - _YOUNG_LINGERS * self._policy.linger_seconds
        return {run_id: pending for run_id, pending in self._changed.items() if pending.can_wait(since=since)}

    def _write(self, group: Sequence[PendingWrite], *, is_replaced: bool = False) -> list[Written]:
        if not group:
            return []
        try:
            writes = [pending.next_write() for pending in group]
            results = self._store.write(writes)
        except StoreUnavailableError:
            raise
        except Exception as error:
            if is_replaced:
                return [group[0].given_up("unstorable", str(error))]
            if len(group) == 1:
                return [self._replaced(group[0], error)]
            # One of them cannot be written, ever: find it, and write the others.
            return [written for pending in group for written in self._write([pending])]
        settled = zip(group, writes, results, strict=True)
        return [pending.settle(write, result) for pending, write, result in settled]

    def _replaced(self, pending: PendingWrite, error: Exception) -> Written:
        """Give up a run that is not in the store; one that is has an end, though it may not be the one that it had."""
        run_id = pending.record.run_id
        _log.error("Run %s cannot be stored.", run_id, exc_info=error, extra=run_facts(run_id))
        if not pending.is_stored:
            return pending.given_up("unstorable", str(error))
        pending.replace(error)
        return self._write([pending], is_replaced=True)[0]

    def _report(self, results: Sequence[Written], *, seconds: float | None = None) -> None:
        for written in results:
            if written.result == "stored" and written.status not in FINAL and not written.is_released:
                continue
            run_id = written.run_id
            if self._forget(run_id) and written.result == "lost":
                _log.warning("Run %s was taken over by another worker.", run_id, extra=run_facts(run_id))
        if results:
            self._answer([GroupWritten(results=tuple(results), seconds=seconds)])

    def _forget(self, run_id: RunId) -> bool:
        """Write no more of a run; tell whether there was anything that could be written."""
        self._changed.pop(run_id, None)
        return self._pending.pop(run_id, None) is not None

    # --- the store comes and goes ---

    def _open_store(self) -> None:
        with self._store_turn:
            if not (self._is_store_open or self._is_closed):
                self._store.open(self._options.owner)
                self._is_store_open = True

    def _fail(self, error: StoreUnavailableError) -> None:
        if self._failure is None:
            _log.error("%s; runs are still executed, but no new one is promised.", error)
        self._failure = error.reason
        self._answer([StoreChanged(failure=error.reason)])
        self._refuse(error)
        surplus = max(0, len(self._changed) - self._policy.max_unwritten_runs)
        losable = [found for found in self._changed.values() if found.record.is_final and not found.is_promised]
        self._report([pending.given_up("dropped", error.reason) for pending in losable[:surplus]])

    def _refuse(self, error: StoreUnavailableError) -> None:
        """Give up what is tried once: new promises, and requests."""
        new = [pending for pending in self._changed.values() if pending.is_promised and not pending.is_stored]
        self._report([pending.given_up("dropped", error.reason) for pending in new])
        requests, self._requests = self._requests, []
        if requests:
            self._answer([Answered(request=request, outcome=Outcome(error=error)) for request in requests])


def _unavailable(error: Exception) -> StoreUnavailableError:
    match error:
        case StoreUnavailableError():
            return error
        case StoreVersionError():
            return StoreUnavailableError(str(error))
        case _:
            return StoreUnavailableError(f"{type(error).__name__}: {error}")


def _drained(queue: SimpleQueue[T]) -> Iterator[T]:
    with suppress(Empty):
        while True:
            yield queue.get_nowait()
