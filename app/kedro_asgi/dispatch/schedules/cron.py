"""The ticks of a cron expression in a time zone, as milliseconds since 1970."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_HOUR_MS = 3_600_000


class Cron:
    """A cron expression of five fields, or of six with seconds first, in a time zone.

    Where clocks are put forward or back, a time of day that the expression fixes comes once: at the end of the gap, or
    at the first of two. An expression whose minute or hour begins with ``*``, or that has seconds, follows the clock:
    it has no ticks in the gap, and ticks in both of two hours. Raises ``ValueError``.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        self._expression = expression
        self._zone = _zone(timezone)
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        if next(self.after(now_ms), None) is None:
            raise ValueError(f"cron: '{expression}' is never due")

    def after(self, instant_ms: int) -> Iterator[int]:
        """Yield the ticks after an instant, in order."""
        start = datetime.fromtimestamp(instant_ms // 1000, self._zone)
        last_ms = instant_ms
        try:
            for found in CronSim(self._expression, start):
                tick_ms = int(found.timestamp()) * 1000
                # In the second of two hours, the library begins with the ticks of the first.
                if tick_ms > last_ms:
                    yield tick_ms
                    last_ms = tick_ms
        except (CronSimError, ValueError, OverflowError) as error:
            raise ValueError(f"cron: '{self._expression[:100]}' is not a cron expression: {error}") from error

    def between(self, after_ms: int, until_ms: int, *, limit: int) -> list[int]:
        """Return the ticks after ``after_ms`` until ``until_ms``, of many the last: ``limit`` of them at least.

        The work grows with the limit, and not with the time between.
        """
        span_ms = _HOUR_MS
        while True:
            start_ms = max(after_ms, until_ms - span_ms)
            ticks = list(takewhile(lambda tick: tick <= until_ms, self.after(start_ms)))
            if start_ms == after_ms or len(ticks) >= limit:
                return ticks
            span_ms *= 2

    def next_ticks(self, after_ms: int, count: int) -> list[int]:
        """Return the next ticks after an instant; fewer if the expression is due no more."""
        return list(islice(self.after(after_ms), count))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"timezone: '{name[:100]}' is not a time zone, such as 'Europe/Berlin'") from error
