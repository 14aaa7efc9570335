"""When to try again the ticks that the service has refused."""

import msgspec

from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import DispatchError

_log = SafeLogger(__name__)

_FIRST_MS = 1000
_LONGEST_MS = 30_000


class _Delay(msgspec.Struct, frozen=True, kw_only=True):
    """Why a tick waits, after how many refusals in a row, and until when."""

    reason: type[DispatchError]
    refusals: int
    until_ms: int


class Delays:
    """The delays of the schedules of a worker: each refusal in a row makes the next one twice as long."""

    def __init__(self) -> None:
        self._delays: dict[str, _Delay] = {}

    def until_ms(self, schedule: str, now_ms: int) -> int | None:
        """Return until when a schedule waits, ``None`` for one that need not; a clock that was put back ends it."""
        delay = self._delays.get(schedule)
        return delay.until_ms if delay is not None and 0 < delay.until_ms - now_ms <= _LONGEST_MS else None

    def refuse(self, schedule: str, error: DispatchError, now_ms: int, *, deadline_ms: int | None = None) -> int:
        """Note that the service has refused a tick, and log why, once; return until when the schedule waits.

        A tick with a deadline is tried a last time one second before it. The next one is tried after it at once.
        """
        former = self._delays.get(schedule)
        if former is None or former.reason is not type(error):
            _log.warning("Schedule '%s' waits: %s", schedule, error)
        refusals = 1 if former is None else former.refusals + 1
        until_ms = now_ms + min(_LONGEST_MS, _FIRST_MS << min(refusals - 1, 10))
        if deadline_ms is not None and now_ms <= deadline_ms:
            is_last = now_ms >= deadline_ms - _FIRST_MS
            until_ms = min(until_ms, deadline_ms + 1 if is_last else deadline_ms - _FIRST_MS)
        self._delays[schedule] = _Delay(reason=type(error), refusals=refusals, until_ms=until_ms)
        return until_ms

    def end(self, schedule: str) -> None:
        """Note that a schedule has what was due."""
        self._delays.pop(schedule, None)

    def clear(self) -> None:
        """Forget all delays."""
        self._delays.clear()
