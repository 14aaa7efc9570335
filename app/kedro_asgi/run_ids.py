"""The ids of runs."""

import os
import re
import secrets
import threading
import time
from datetime import UTC, date, datetime

from kedro_asgi.runs import RunId

RUN_ID_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{3}Z-[0-9a-f]{14}$"
_RUN_ID = re.compile(RUN_ID_PATTERN)


def save_version(run_id: str, attempt: int) -> str:
    """Return the version that versioned datasets save in an attempt of a run; none saves a version twice."""
    return run_id if attempt == 1 else f"{run_id}.{attempt}"


def is_run_id(text: str) -> bool:
    """Tell whether ``text`` has the form of an id that `RunIds` makes."""
    return _RUN_ID.fullmatch(text) is not None


def first_id_of(time: datetime) -> str:
    """Return what is less than all ids of the second of ``time``, in UTC, and greater than those before."""
    return f"{time:%Y-%m-%dT%H.%M.%S}"


def first_id_of_day(day: date) -> str:
    """Return what is less than all ids of a day, and greater than those of the day before."""
    return f"{day:%Y-%m-%d}"


class RunIds:
    """Makes run ids: Kedro's timestamp, then a suffix that no other run on any machine has.

    ``2026-11-21T00.18.19.983Z-00009f3c2a7b1d``: ids of one source sort in the order in which they were made,
    also within a millisecond and when the clock steps back; the random half of the suffix tells sources (and
    forked copies of a source) apart. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._sequence = 0
        self._second = -1
        self._prefix = ""
        self._start = ""
        self._pid = -1
        self._token = ""

    def next(self) -> RunId:
        """Return a new id; also fit to be a save version."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._token = os.getpid(), secrets.token_hex(5)
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._begin(now)
            elif self._sequence < 0xFFFF:
                self._sequence += 1
            else:
                self._begin(self._millisecond + 1)
            return RunId(f"{self._start}{self._sequence:04x}{self._token}")

    def _begin(self, millisecond: int) -> None:
        self._millisecond, self._sequence = millisecond, 0
        second, rest = divmod(millisecond, 1000)
        if second != self._second:
            self._second = second
            self._prefix = first_id_of(datetime.fromtimestamp(second, UTC))
        self._start = f"{self._prefix}.{rest:03d}Z-"
