"""The clock that schedules go by."""

import time
from typing import Protocol

import anyio

# A clock may jump, and a machine may sleep: never trust it for longer.
_LONGEST_WAIT_SECONDS = 5.0


class Clock(Protocol):
    """Tells the time that all workers share, in milliseconds since 1970, and waits."""

    def now_ms(self) -> int:
        """Return the time. Thread-safe."""

    def set_reference(self, now_ms: int) -> None:
        """Take the time that the store tells as the right one. Thread-safe."""

    async def wait(self, until_ms: int, wake: anyio.Event) -> None:
        """Return at that time, when ``wake`` is set, or earlier."""


class SystemClock:
    """The clock of this machine, corrected by that of the store."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def now_ms(self) -> int:
        return _system_ms() - self._ahead_ms

    def set_reference(self, now_ms: int) -> None:
        self._ahead_ms = _system_ms() - now_ms

    async def wait(self, until_ms: int, wake: anyio.Event) -> None:
        seconds = (until_ms - self.now_ms()) / 1000
        with anyio.move_on_after(min(seconds, _LONGEST_WAIT_SECONDS)):
            await wake.wait()


def _system_ms() -> int:
    return time.time_ns() // 1_000_000
