"""The thread that writes what happens to runs into the store, in groups."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue

from kedro_asgi.dispatch.messages import (
    Answered,
    FromWriter,
    GroupWritten,
    Request,
    RunAdmitted,
    RunChanged,
    StoreFailed,
    StoreRecovered,
    ToWriter,
    Written,
)
from kedro_asgi.dispatch.pending_write import PendingWrite
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.errors import StoreUnavailableError, StoreVersionError
from kedro_asgi.events import Event
from kedro_asgi.runs import FINAL, RunId
from kedro_asgi.session import Outcome

_log = logging.getLogger(__name__)

_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)


class Writer:
    """Collects messages for a moment and writes the runs that they change as one transaction; `answer` tells of it.

    While the store fails, the states of promised runs wait in memory without limit (they are no more than were
    admitted), those of other runs up to ``max_unwritten_runs``; all are tried again. `post` may be called by any
    thread, `open` and `close` block, and everything else belongs to the writer thread.
    """

    def __init__(
        self, store: Store, owner: str, policy: Policy, *, answer: Callable[[Sequence[FromWriter]], None]
    ) -> None:
        self._store = store
        self._owner = owner
        self._policy = policy
        self._answer = answer
        self._inbox: SimpleQueue[ToWriter] = SimpleQueue()
        self._urgent: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kedro-asgi-writer", daemon=True)
        # The caller that opens the store may be cancelled while a thread goes on with it.
        self._store_turn = threading.Lock()
        self._is_store_open = False
        self._is_closed = False
        # The writer thread's.
        self._failure: str | None = None
        self._pending: dict[str | None, PendingWrite] = {}
        self._changed: dict[RunId, PendingWrite] = {}
        self._untracked: list[Written] = []
        self._requests: list[Request] = []

    def post(self, message: ToWriter, /, *, is_urgent: bool = False) -> None:
        """Queue ``message``; ``is_urgent`` has it written now, with all that was queued before."""
        self._inbox.put(message)
        if is_urgent:
            self._urgent.put(None)

    def open(self) -> None:
        """Open the store and begin to write; raises `StoreVersionError`, but not that the store is unavailable."""
        try:
            self._open_store()
        except StoreUnavailableError as error:
            self._fail(error)
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
        while True:
            if self._failure is None:
                self._collect()
            else:
                self._closing.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            # Asked before the write: after `close` was called, everything is tried once more.
            is_closing = self._closing.is_set()
            self._drain_inbox()
            try:
                self._write_group()
                failures = 0
            except StoreUnavailableError as error:
                self._fail(error)
                failures += 1
            except Exception as error:
                # Such as a right that was taken away: without its thread, all who wait for it would wait forever.
                self._fail(StoreUnavailableError(f"{type(error).__name__}: {error}"))
                failures += 1
            if is_closing and (self._failure is not None or self._inbox.empty()):
                break
        self._drain_inbox()
        self._refuse(StoreUnavailableError(self._failure or "it is closed"))
        if self._changed:
            _log.error("The last states of %s runs could not be written: %s", len(self._changed), self._failure)

    def _collect(self) -> None:
        """Wait for a message, then for an urgent one, but not long."""
        self._take(self._inbox.get())
        try:
            self._urgent.get(timeout=self._policy.linger_seconds)
        except Empty:
            return

    def _drain_inbox(self) -> None:
        # First, so that no call for a message that comes later is swallowed.
        _empty(self._urgent)
        while True:
            try:
                self._take(self._inbox.get_nowait())
            except Empty:
                return

    def _take(self, message: ToWriter) -> None:
        match message:
            case Event():
                pending = self._pending.get(message.run_id)
                if pending is not None and pending.add(message):
                    self._changed[pending.record.run_id] = pending
            case RunChanged():
                self._change(message)
            case RunAdmitted():
                self._admit(message)
            case Request():
                self._requests.append(message)

    def _admit(self, admitted: RunAdmitted) -> None:
        pending = self._pending[admitted.record.run_id] = PendingWrite(admitted, self._owner)
        if admitted.stored is None:
            self._changed[admitted.record.run_id] = pending

    def _change(self, changed: RunChanged) -> None:
        record = changed.record
        pending = self._pending.get(record.run_id)
        if pending is None:
            # It was given up before.
            self._untracked.append(Written(run_id=record.run_id, status=record.status, result="lost"))
        else:
            pending.change(changed)
            self._changed[record.run_id] = pending

    def _write_group(self) -> None:
        self._open_store_late()
        results = [*self._write(list(self._changed.values())), *self._untracked]
        if self._failure is not None and not self._changed:
            # With nothing to write, nothing would fail.
            self._store.check_writable()
        if self._failure is not None:
            self._failure = None
            self._answer([StoreRecovered()])
            _log.warning("The store of runs is available again.")
        self._changed, self._untracked = {}, []
        self._report(results)
        requests, self._requests = self._requests, []
        for request in requests:
            self._answer([Answered(request=request, outcome=Outcome.of(partial(request.call, self._store)))])

    def _report(self, results: Sequence[Written]) -> None:
        for written in results:
            if written.result == "stored" and written.status not in FINAL:
                continue
            was_pending = self._pending.pop(written.run_id, None) is not None
            self._changed.pop(written.run_id, None)
            if was_pending and written.result == "lost":
                _log.warning("Run %s was taken over by another worker.", written.run_id)
        if results:
            self._answer([GroupWritten(results=tuple(results))])

    def _write(self, group: list[PendingWrite]) -> list[Written]:
        if not group:
            return []
        try:
            writes = [pending.next_write() for pending in group]
            results = self._store.write(writes)
        except StoreUnavailableError:
            raise
        except Exception:
            # One of them cannot be written, ever: find it, and write the others.
            return [self._write_one(pending) for pending in group]
        settled = zip(group, writes, results, strict=True)
        return [pending.settle(write, result) for pending, write, result in settled]

    def _write_one(self, pending: PendingWrite) -> Written:
        try:
            return self._write_alone(pending)
        except StoreUnavailableError:
            raise
        except Exception as error:
            _log.exception("Run %s cannot be stored.", pending.record.run_id)
            return self._write_what_can_be(pending, error)

    def _write_what_can_be(self, pending: PendingWrite, error: Exception) -> Written:
        """Give up a run that is not in the store; one that is has an end, though it may not be the one that it had."""
        try:
            if not pending.is_stored:
                raise error
            pending.replace_unstorable(error)
            return self._write_alone(pending)
        except StoreUnavailableError:
            raise
        except Exception as found:
            return pending.given_up("unstorable", str(found))

    def _write_alone(self, pending: PendingWrite) -> Written:
        write = pending.next_write()
        return pending.settle(write, self._store.write([write])[0])

    # --- the store comes and goes ---

    def _open_store(self) -> None:
        with self._store_turn:
            if not (self._is_store_open or self._is_closed):
                self._store.open(self._owner)
                self._is_store_open = True

    def _open_store_late(self) -> None:
        """Open a store that was not there at first, in whatever version it is now."""
        try:
            self._open_store()
        except StoreVersionError as error:
            raise StoreUnavailableError(str(error)) from error

    def _fail(self, error: StoreUnavailableError) -> None:
        if self._failure is None:
            _log.error("%s Runs are still executed, but nothing new is promised.", error)
        self._failure = error.reason
        self._answer([StoreFailed(reason=error.reason)])
        self._refuse(error)
        self._drop_surplus()

    def _refuse(self, error: StoreUnavailableError) -> None:
        """Give up what is tried once: new promises, and requests."""
        new = [pending for pending in self._changed.values() if pending.is_promised and not pending.is_stored]
        self._report([pending.given_up("dropped", error.reason) for pending in new])
        requests, self._requests = self._requests, []
        if requests:
            self._answer([Answered(request=request, outcome=Outcome(error=error)) for request in requests])

    def _drop_surplus(self) -> None:
        surplus = len(self._changed) - self._policy.max_unwritten_runs
        if surplus > 0:
            losable = [found for found in self._changed.values() if found.record.is_final and not found.is_promised]
            self._report(
                [pending.given_up("dropped", "the store failed for too long") for pending in losable[:surplus]]
            )


def _empty(queue: SimpleQueue[None]) -> None:
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return
