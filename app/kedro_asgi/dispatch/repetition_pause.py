"""The pause before a run is repeated that was interrupted."""

from math import ldexp

_BACK_OFF_SECONDS = 5.0
_LONGEST_BACK_OFF_SECONDS = 600.0


def pause_seconds(attempt: int) -> float:
    """Return how long a run waits before its attempt of that number, which follows one that was interrupted.

    The second attempt begins at once, since a server or a worker may be restarted. A run that is interrupted again may
    be what ends them, so each further attempt waits twice as long.
    """
    if attempt <= 2:
        return 0.0
    return min(_LONGEST_BACK_OFF_SECONDS, ldexp(_BACK_OFF_SECONDS, min(attempt - 3, 20)))
