"""The phases of a run of this process, and which may follow which."""

from collections.abc import Mapping
from typing import Literal

Phase = Literal[
    "admitted",  # accepted; its first record is not on disk yet
    "promised",  # is on disk, so its caller may get the promise
    "queued",  # waits for a slot
    "starting",  # has a slot; a promised run waits until its start is on disk
    "running",  # an executor has it
    "waiting",  # waits for the time of its next attempt, without a slot; its order is kept
    "ended",  # has an end, which is not on disk yet if the run was promised
    "announced",  # its callers know the end
    "refused",  # could not be promised
    "handed_back",  # stays queued in the store for the next server
    "lost",  # cannot be recorded any more: another worker has taken it, or the store takes no such state
]

TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    "admitted": frozenset(("promised", "queued", "refused")),
    "promised": frozenset(("queued", "waiting", "ended", "handed_back")),
    "queued": frozenset(("starting", "ended", "handed_back", "lost")),
    # Back to the queue: while the store fails, a promised run gives its slot to others.
    "starting": frozenset(("running", "queued", "ended", "lost")),
    "running": frozenset(("waiting", "ended", "lost")),
    "waiting": frozenset(("queued", "ended", "handed_back", "lost")),
    "ended": frozenset(("announced", "lost")),
    "announced": frozenset(),
    "refused": frozenset(),
    "handed_back": frozenset(),
    "lost": frozenset(),
}
