"""Writes what happens to runs into the store: in groups, in a thread of its own, off the path of the runs."""

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

import anyio
import anyio.to_thread
from anyio.lowlevel import EventLoopToken, current_token

from kedro_asgi.dispatch.entries import entry_of, settle
from kedro_asgi.dispatch.life import Life
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import RunWrite, Store, WriteResult
from kedro_asgi.errors import StoreUnavailableError, StoreVersionError, UnstorableRunError
from kedro_asgi.session.event_loop import call_soon

_log = logging.getLogger(__name__)

_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)


class Ticket:
    """A wait for everything that was posted before it; a ``life`` that it brings is refused if writing fails.

    ``then`` is called on the event loop when it is over.
    """

    def __init__(self, then: Callable[[], None], life: Life | None = None) -> None:
        self.then = then
        self.life = life
        self.error: Exception | None = None


class Journal:
    """Posts are collected for a moment and written as one transaction; a ticket hurries that on and waits for it.

    While the store fails, what must not be lost waits in memory and is tried again: the states of promised runs
    without limit (they are no more than were admitted), those of others up to ``max_unwritten_runs``.
    """

    def __init__(
        self,
        store: Store,
        owner: str,
        policy: Policy,
        *,
        written: Callable[[list[Life]], None],
        failed: Callable[[], None],
    ) -> None:
        self.failure: str | None = None
        self.lost = 0
        self.groups = 0
        self._store = store
        self._owner = owner
        self._policy = policy
        self._written = written
        self._failed = failed
        self._posts: SimpleQueue[Life | Ticket] = SimpleQueue()
        self._hurry: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: EventLoopToken | None = None
        # Who was to open the store may be cancelled, while a thread goes on with it.
        self._store_turn = threading.Lock()
        self._is_store_open = False
        self._is_closed = False
        self._lives: list[Life] = []
        self._tickets: list[Ticket] = []

    async def open(self) -> None:
        """Open the store and begin to write; raises `StoreVersionError`, but not that the store is unavailable."""
        self._loop = current_token()
        try:
            await anyio.to_thread.run_sync(self._open_store)
        except StoreUnavailableError as error:
            self._fail(error)
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, name="kedro-asgi-journal", daemon=True)
        self._thread.start()

    def post(self, life: Life) -> None:
        """Have the run written some time soon; any thread may call this, and it never waits."""
        if not life.is_dirty:
            life.is_dirty = True
            self._posts.put(life)

    def flush(self, then: Callable[[], None]) -> None:
        """Have all that was posted written now; ``then`` is called when it is, however long the store fails."""
        self._submit(Ticket(then))

    async def flushed(self) -> None:
        """Wait until all that was posted is written."""
        done = anyio.Event()
        self.flush(done.set)
        await done.wait()

    async def insert(self, life: Life, then: Callable[[Exception | None], None]) -> None:
        """Write a run for the first time; raises what prevents it, and then never writes it.

        ``then`` is told of it first, also where the caller is gone by then: asyncio cancels whom it likes.
        """
        done = anyio.Event()

        def written() -> None:
            then(ticket.error or life.refusal)
            done.set()

        ticket = Ticket(written, life)
        self.post(life)
        self._submit(ticket)
        with anyio.CancelScope(shield=True):
            await done.wait()
        if ticket.error is not None:
            raise ticket.error
        if life.refusal is not None:
            raise UnstorableRunError(str(life.refusal)) from life.refusal

    def close(self) -> None:
        """Write what is left, if the store lets us, end the thread and close the store; blocks."""
        if self._thread is not None:
            self._closing.set()
            self._submit(Ticket(lambda: None))
            self._thread.join()
            self._thread = None
        with self._store_turn:
            self._is_closed = True
            self._store.close()

    def _submit(self, ticket: Ticket) -> None:
        self._posts.put(ticket)
        self._hurry.put(None)

    # --- in the writer's thread ---

    def _run(self) -> None:
        failures = 0
        while True:
            if self.failure is None:
                self._collect_for_a_moment()
            else:
                self._closing.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            self._drain_posts()
            try:
                self._write_group()
                failures = 0
            except StoreUnavailableError as error:
                self._fail(error)
                failures += 1
            except Exception as error:
                # Such as a right that was taken away: without its thread, the journal would keep everybody waiting.
                self._fail(StoreUnavailableError(f"{type(error).__name__}: {error}"))
                failures += 1
            if self._closing.is_set() and (self.failure is not None or self._posts.empty()):
                break
        self._drain_posts()
        self._refuse(StoreUnavailableError(self.failure or "it is closed"))
        if self._lives:
            _log.error("What happened last to %s runs could not be written: %s", len(self._lives), self.failure)

    def _collect_for_a_moment(self) -> None:
        """Wait for a post, then for a ticket, but not long."""
        self._take(self._posts.get())
        if not self._tickets:
            try:
                self._hurry.get(timeout=self._policy.linger_seconds)
            except Empty:
                return

    def _drain_posts(self) -> None:
        _empty(self._hurry)
        while True:
            try:
                self._take(self._posts.get_nowait())
            except Empty:
                return

    def _take(self, post: Life | Ticket) -> None:
        match post:
            case Life():
                self._lives.append(post)
            case Ticket():
                self._tickets.append(post)

    def _write_group(self) -> None:
        self._open_store_late()
        lives = self._lives = list({id(life): life for life in self._lives if not life.is_refused}.values())
        if lives:
            self._write(lives)
            self.groups += 1
        elif self.failure is not None:
            # With nothing to write, nothing would fail.
            self._store.check_writable()
        if self.failure is not None:
            self.failure = None
            self._tell([], [Ticket(self._failed)])
            _log.warning("The store of runs is available again.")
        tickets, self._tickets, self._lives = self._tickets, [], []
        self._tell(lives, tickets)

    def _write(self, lives: list[Life]) -> None:
        try:
            entries = [entry_of(life, self._owner) for life in lives]
            verdicts = self._store.write(entries)
        except StoreUnavailableError:
            raise
        except Exception:
            # One of them cannot be written whatever we do: find it, and write the others.
            for life in lives:
                self._write_one(life)
            return
        for life, entry, verdict in zip(lives, entries, verdicts, strict=True):
            self._settle(life, entry, verdict)

    def _write_one(self, life: Life) -> None:
        try:
            self._write_alone(life)
        except StoreUnavailableError:
            raise
        except Exception as error:
            _log.exception("Run %s cannot be stored.", life.record.run_id)
            self._write_what_can_be(life, error)

    def _write_what_can_be(self, life: Life, error: Exception) -> None:
        """Refuse a run that is not in the store; one that is has an end, though it may not be the one that it had."""
        try:
            if life.stored is None:
                raise error
            life.spoil(error)
            self._write_alone(life)
        except StoreUnavailableError:
            raise
        except Exception as found:
            life.verdict, life.is_refused, life.refusal = "lost", True, found

    def _write_alone(self, life: Life) -> None:
        entry = entry_of(life, self._owner)
        self._settle(life, entry, self._store.write([entry])[0])

    def _settle(self, life: Life, entry: RunWrite, verdict: WriteResult) -> None:
        if verdict == "lost" != life.verdict:
            _log.warning("Run %s was taken over by another worker.", life.record.run_id)
        settle(life, entry, verdict)

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
        """Refuse what is new, and keep the rest for another try."""
        if self.failure is None:
            _log.error("%s Runs are still executed, but nothing new is promised.", error)
        self.failure = error.reason
        if self._loop is not None:
            call_soon(self._loop, self._failed)
        self._refuse(error)
        self._lives = self._keepable(self._lives)

    def _refuse(self, error: StoreUnavailableError) -> None:
        """Tell those who bring a run that it is not written and will not be."""
        refused = [ticket for ticket in self._tickets if ticket.life is not None]
        for ticket in refused:
            assert ticket.life is not None
            ticket.error, ticket.life.is_refused = error, True
        self._tickets = [ticket for ticket in self._tickets if ticket.life is None]
        self._lives = [life for life in self._lives if not life.is_refused]
        self._tell([], refused)

    def _keepable(self, lives: list[Life]) -> list[Life]:
        surplus = len(lives) - self._policy.max_unwritten_runs
        if surplus <= 0:
            return lives
        losable = [life for life in lives if life.is_over and not life.is_promised][:surplus]
        self.lost += len(losable)
        for life in losable:
            life.is_refused = True
        self._tell(losable, [])
        return [life for life in lives if not life.is_refused]

    def _tell(self, lives: list[Life], tickets: list[Ticket]) -> None:
        def tell() -> None:
            if lives:
                self._written(lives)
            for ticket in tickets:
                ticket.then()

        if self._loop is not None and (lives or tickets):
            call_soon(self._loop, tell)


def _empty(queue: SimpleQueue[None]) -> None:
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return
