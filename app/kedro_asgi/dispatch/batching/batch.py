"""Runs that share a slot: what is executed of them next, and what each of them has got."""

import random
from collections import deque
from collections.abc import Sequence

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.group import Group, Member
from kedro_asgi.dispatch.batching.joint_run import JointRun, Outputs

# Not the module's own generator: nodes and tests that seed it expect no other thread to draw from it.
_RANDOM = random.Random()


class Batch:
    """The members of a batch; ``left`` are those that have not ended. Belongs to one event loop.

    It is executed in parts, one after another: first all members as one, after an error each half of them, and so on; a
    part of one member is that run alone.
    """

    def __init__(self, group: Group, members: Sequence[Member], *, holder: ActiveRun) -> None:
        self.group = group
        self.holder = holder
        """The run that stands for the batch where slots are counted."""
        self.proof = group.pipeline.proof(members[0].order.computation)
        self.is_proven = self.proof.is_enough or not group.pipeline.options.compare
        # Callers may have sorted their rows, which would hide that the pipeline sorts them.
        self.members = tuple(members if self.is_proven else _RANDOM.sample(members, len(members)))
        self.left = {member.run: member for member in self.members}
        self._parts = deque([self.members])
        self.has_begun = False
        """Whether its members are executed; promised ones wait until their starts are on disk."""
        self.joint: JointRun | None = None
        """The joint run that is executed at the moment, if it has more than one member."""
        self.alone: Member | None = None
        """The member that is executed alone at the moment."""
        self.expected: dict[ActiveRun, Outputs] = {}
        """The answers of a joint run that are to be compared with runs of each member alone."""
        self.compared: list[Member] = []
        """The members whose outputs alone were those that the joint run has given."""
        self.has_failed = False
        self.is_run_at_fault = False
        """Whether a member has failed alone, too."""

    def is_alone(self, run: ActiveRun) -> bool:
        """Whether a run is executed alone at the moment."""
        return self.alone is not None and self.alone.run is run

    def next_part(self) -> list[Member]:
        """Remove and return the members that are executed next; none if none is left."""
        while self._parts:
            if members := [member for member in self._parts.popleft() if member.run in self.left]:
                return members
        return []

    def add_halves(self, members: Sequence[Member]) -> None:
        """Execute each half of these members by itself."""
        middle = len(members) // 2
        self._parts.extendleft((tuple(members[middle:]), tuple(members[:middle])))

    def add_alone(self, members: Sequence[Member]) -> None:
        """Execute each of these members alone."""
        self._parts.extendleft((member,) for member in reversed(members))

    def to_compare(self, members: Sequence[Member]) -> list[Member]:
        """Return those members of a joint run that has succeeded which are to be compared with runs alone."""
        left = [member for member in members if member.run in self.left]
        if not self.is_proven:
            return left
        is_spot_check = self.group.pipeline.options.compare and self.proof.is_spot_check()
        return [_RANDOM.choice(left)] if left and is_spot_check else []
