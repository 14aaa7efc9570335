"""Where the code of one run puts its events."""

from collections import deque
from collections.abc import Callable
from itertools import count

import msgspec

from kedro_asgi.dispatch.attempts import with_attempt
from kedro_asgi.errors.wording import bounded_names
from kedro_asgi.events import DatasetSaved, Event, LogLine, NodeRetried
from kedro_asgi.failures import MAX_CHARACTERS
from kedro_asgi.runs import RunId, RunRecord


class EventSink:
    """Takes events from any thread and hands them to ``post``; never blocks. Belongs to one run."""

    def __init__(self, run_id: RunId, post: Callable[[Event], None], *, max_log_lines: int) -> None:
        self.run_id = run_id
        self._post = post
        self._log_lines = count(1)
        self._max_log_lines = max_log_lines
        self._saved: list[str] = []
        # Threads of the run add to it, and the event loop takes from it.
        self._retried: deque[NodeRetried] = deque()
        self._is_closed = False

    def emit(self, event: Event) -> None:
        """Pass an event on; log lines beyond the limit, and what comes after `close`, are dropped."""
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
        self._post(event)
        if type(event) is NodeRetried:
            # After the post: what the event loop posts next comes behind it, and may have it already.
            self._retried.append(event)

    def with_attempts(self, record: RunRecord) -> RunRecord:
        """Return ``record`` with the failed attempts of nodes since the last call."""
        while self._retried:
            record = with_attempt(record, self._retried.popleft())
        return record

    def close(self) -> tuple[str, ...]:
        """Take no more events; return the names of the datasets that the run saved outside of memory."""
        self._is_closed = True
        return bounded_names(tuple(dict.fromkeys(self._saved)), MAX_CHARACTERS) if self._saved else ()
