"""Who has ended, and who is only out of sight."""

from collections.abc import Mapping
from typing import Literal

Presence = Literal["here", "away", "gone"]

# A worker shows up again within one, which takes about a second.
_LOOKS = 4


class Liveness:
    """Tells workers that have ended from those whose sign of life was lost, and that will renew it.

    Who is away at the first look was so before: when a server starts again, nothing waits. Others are gone when they
    were away at several looks in a row.
    """

    def __init__(self) -> None:
        self._away: dict[str, int] = {}
        self._needed = 1

    def gone(self, presences: Mapping[str, Presence]) -> list[str]:
        """Take note of one look at all workers with runs; returns those that have ended."""
        self._away = {owner: self._away.get(owner, 0) + 1 for owner, found in presences.items() if found == "away"}
        needed, self._needed = self._needed, _LOOKS
        return [owner for owner, found in presences.items() if found == "gone" or self._away.get(owner, 0) >= needed]
