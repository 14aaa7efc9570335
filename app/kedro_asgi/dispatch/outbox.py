"""The events and states of one run, on their way to the writer thread."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

import msgspec

from kedro_asgi.dispatch.failed_attempts import with_attempt
from kedro_asgi.dispatch.messages import RunChanged
from kedro_asgi.errors.wording import bounded_names
from kedro_asgi.events import DatasetSaved, Event, LogLine, NodeRetried, NodeStarted
from kedro_asgi.failures import MAX_CHARACTERS
from kedro_asgi.runs import RunId, RunRecord


class Post(Protocol):
    """Queues an outbox for the writer thread, from any thread; never blocks."""

    def __call__(self, outbox: "Outbox", /, *, is_urgent: bool = False) -> None:
        """Queue ``outbox``; ``is_urgent`` has it written now, with all that was queued before."""


class Outbox:
    """The events and states of one run that the writer thread has not taken yet, in their order.

    Any thread may call `emit` and `put`, which never block. The queue of the writer thread has the outbox itself, and
    not each event: so all that happens to a short run is one message there.
    """

    def __init__(self, run_id: RunId, post: Post, *, max_log_lines: int, saved: Iterable[str] = ()) -> None:
        self.run_id = run_id
        self._post = post
        self._messages: list[Event | RunChanged] = []
        self._is_posted = False
        self._log_lines = count(1)
        self._max_log_lines = max_log_lines
        self._saved = list(saved)
        # Threads of the run add to it, and the event loop takes from it.
        self._retried: list[NodeRetried] = []
        # Each node that waits for its next attempt, with the time of that.
        self._next_attempts: dict[str, datetime] = {}
        self._is_closed = False
        self.is_lost = False
        """Whether nothing more of the run is to be written, since another worker has it."""

    def emit(self, event: Event) -> None:
        """Add an event of the run's code; log lines beyond the limit, and what comes after `close`, are dropped."""
        if self._is_closed:
            return
        if type(event) is LogLine:
            number = next(self._log_lines)
            if number > self._max_log_lines:
                return
            if number == self._max_log_lines:
                event = msgspec.structs.replace(event, message="Further lines of this run are not kept.")
        elif type(event) is DatasetSaved and event.is_kept:
            self._saved.append(event.dataset)
        self.put(event)
        if type(event) is NodeRetried:
            # After the event: what the event loop puts next comes behind it, and may have it already.
            self._retried.append(event)
            self._next_attempts[event.node] = event.at + timedelta(seconds=event.delay_seconds)
        elif self._next_attempts and type(event) is NodeStarted:
            self._next_attempts.pop(event.node, None)

    def put(self, message: Event | RunChanged, *, is_urgent: bool = False) -> None:
        """Add an event or a state; ``is_urgent`` has it written now."""
        self._messages.append(message)
        if is_urgent or not self._is_posted:
            self._is_posted = True
            self._post(self, is_urgent=is_urgent)

    def take(self) -> list[Event | RunChanged]:
        """Remove and return all that is there; the writer thread calls this."""
        # First, so that a message that comes from now on posts the outbox again.
        self._is_posted = False
        taken = self._messages.copy()
        # Other threads only append, so the copied messages are still the first.
        del self._messages[: len(taken)]
        return taken

    def with_attempts(self, record: RunRecord) -> RunRecord:
        """Return ``record`` with the failed attempts of nodes since the last call; for the event loop."""
        while self._retried:
            record = with_attempt(record, self._retried.pop(0))
        return record

    @property
    def last_attempt_at(self) -> datetime | None:
        """When the last of the nodes that wait now is tried again; ``None`` if none waits."""
        # A copy in one step: threads of the run change the original.
        return max(list(self._next_attempts.values()), default=None)

    @property
    def saved(self) -> tuple[str, ...]:
        """The names of the datasets that the run has saved outside of memory."""
        return bounded_names(tuple(dict.fromkeys(self._saved)), MAX_CHARACTERS) if self._saved else ()

    def lose(self) -> None:
        """Take no more events, and have the writer thread forget the run."""
        self._is_closed = self.is_lost = True
        self._post(self)

    def close(self) -> tuple[str, ...]:
        """Take no more events; return the names of the datasets that the run saved outside of memory."""
        self._is_closed = True
        return self.saved
