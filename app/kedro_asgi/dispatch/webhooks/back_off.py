"""When a webhook is tried again after an attempt that failed."""

import math
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

_MOST_DOUBLINGS = 60
_LONGEST_RETRY_AFTER_SECONDS = 86_400.0


class BackOff(msgspec.Struct, frozen=True, kw_only=True):
    """The first wait, which doubles with each failed attempt up to the longest; chance takes up to half of a wait."""

    first_seconds: float = 5.0
    longest_seconds: float = 3600.0

    def wait_seconds(self, attempts: int, chance: Callable[[], float]) -> float:
        """Return how long to wait after ``attempts`` failed attempts."""
        seconds = math.ldexp(self.first_seconds, min(attempts - 1, _MOST_DOUBLINGS))
        return min(seconds, self.longest_seconds) * (1 - chance() / 2)


def retry_after_seconds(header: str | None, *, now: float) -> float | None:
    """Return what a ``Retry-After`` asks for, at most a day; ``None`` without one that means something."""
    if header is None:
        return None
    seconds = _seconds(header.strip(), now)
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _seconds(text: str, now: float) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
