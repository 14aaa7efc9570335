"""The states of a run, of which some are its ends."""

from typing import Literal, get_args

End = Literal["success", "failure", "cancelled", "timed_out", "interrupted"]
RunStatus = Literal["queued", "running", End]

ENDS: tuple[End, ...] = get_args(End)
FINAL: frozenset[RunStatus] = frozenset(ENDS)
