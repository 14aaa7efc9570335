"""Runs that share a slot: what is executed of them next, and what each of them has got."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.answers import is_same_alone
from kedro_asgi.dispatch.batching.group import Group, Member
from kedro_asgi.dispatch.batching.joint_run import JointRun, Outputs
from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.runs import RunId


class Batch:
    """The members of a batch. Belongs to one event loop.

    It is executed in parts, one after another: first all members as one, after an error each half of them, and so on; a
    part of one member is that run alone. It starts when the starts of its promised members are on disk.
    """

    def __init__(self, group: Group, members: Sequence[Member], *, holder: ActiveRun) -> None:
        self.group = group
        self.holder = holder
        """The run that stands for the batch where slots are counted."""
        self.phase: Literal["starting", "joint", "alone", "ended"] = "starting"
        """Whether several members are executed as one at the moment, or one alone."""
        self.has_failed = False
        """Whether a joint run has failed."""
        self.is_run_at_fault = False
        """Whether a member has failed alone, too."""
        self._proof = group.pipeline.proof(members[0].order.computation)
        self._is_proven = self._proof.is_enough or not group.pipeline.options.compare
        self._random = group.pipeline.rules.random
        # Callers may have sorted their rows, which would hide that the pipeline sorts them.
        self.members = tuple(members if self._is_proven else self._random.sample(members, len(members)))
        self._left = {member.run: member for member in self.members}
        self._parts = deque([self.members])
        self._joint: JointRun | None = None
        self._alone: Member | None = None
        # The answers of a joint run that are to be compared with runs of each member alone.
        self._expected: dict[ActiveRun, Outputs] = {}
        # The members whose outputs alone were those that the joint run has given.
        self._compared: list[Member] = []

    @property
    def left(self) -> Mapping[ActiveRun, Member]:
        """The members that have not ended."""
        return self._left

    @property
    def unwanted_joint_run(self) -> JointRun | None:
        """The joint run that is executed at the moment, if all its members have ended."""
        return None if self._joint is None or self._joint.is_needed(self._left) else self._joint

    def is_alone(self, run: ActiveRun) -> bool:
        """Whether a run is executed alone at the moment."""
        return self._alone is not None and self._alone.run is run

    def leave(self, run: ActiveRun) -> Member:
        """Remove and return a member: it has ended, or another worker has it."""
        return self._left.pop(run)

    def next_part(self, joint_id: Callable[[], RunId]) -> JointRun | Member | None:
        """Return what is executed from now on: members as one, or one alone; ``None`` if the batch has ended."""
        self._joint = self._alone = None
        members = self._next_members()
        if not members:
            self.phase = "ended"
            self._proof.add(member.order.read().inputs for member in self._compared)
            return None
        if len(members) == 1:
            self.phase, self._alone = "alone", members[0]
            return self._alone
        self.phase, self._joint = "joint", JointRun(run_id=joint_id(), members=members)
        return self._joint

    def joint_failed(self, joint: JointRun, *, is_halved: bool, counts: bool) -> None:
        """Execute each half of these members, or each member alone; ``counts``: the pipeline is to blame, or a run."""
        self.has_failed = self.has_failed or counts
        members = joint.members
        if is_halved:
            middle = len(members) // 2
            self._parts.extendleft((tuple(members[middle:]), tuple(members[:middle])))
        else:
            self._add_alone(members)

    def joint_succeeded(self, joint: JointRun, outputs: Mapping[ActiveRun, Outputs]) -> list[ActiveRun]:
        """Return the members that end with these outputs; the others are executed alone first, to compare both."""
        compared = self._to_compare(joint.members)
        self._expected |= {member.run: outputs[member.run] for member in compared}
        self._add_alone(compared)
        return [member.run for member in joint.members if member.run in self._left and member.run not in self._expected]

    def alone_ended(self, member: Member, execution: Execution) -> bool:
        """Note the end of a member alone; false if a joint run has given it other outputs than it has alone."""
        run = member.run
        if execution.error is not None:
            self.is_run_at_fault = True
        elif run.stop_reason is None and run in self._expected:
            if not is_same_alone(self._expected[run], execution.outputs):
                return False
            self._compared.append(member)
        return True

    def _next_members(self) -> list[Member]:
        while self._parts:
            if members := [member for member in self._parts.popleft() if member.run in self._left]:
                return members
        return []

    def _add_alone(self, members: Iterable[Member]) -> None:
        """Execute each of these members alone, before all other parts."""
        self._parts.extendleft((member,) for member in reversed(tuple(members)))

    def _to_compare(self, members: Sequence[Member]) -> list[Member]:
        left = [member for member in members if member.run in self._left]
        if not self._is_proven:
            return left
        share = self.group.pipeline.rules.spot_check_share if self.group.pipeline.options.compare else 0.0
        return [self._random.choice(left)] if left and self._random.random() < share else []
