"""Several runs that are executed as one."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.group import Group, Member
from kedro_asgi.dispatch.batching.member_order import joined_spec
from kedro_asgi.events import Event, LogLine, NodeRetried, RunBatched
from kedro_asgi.runs import ErrorCause, RunId, RunSpec
from kedro_asgi.tables.rows import split_rows

Outputs = Mapping[str, Any]

_OF_A_BATCH = "The runs of a batch have one error, whose message may tell of the rows of another run."


class Batch:
    """The members of a batch, and what each of them gets of it. `emit` is called by any thread; the rest on one loop.

    ``run_id`` is the id under which an executor executes the batch; ``left`` are the members that have not ended.
    """

    def __init__(self, run_id: RunId, group: Group, members: Sequence[Member], *, holder: ActiveRun) -> None:
        self.run_id = run_id
        self.group = group
        self.holder = holder
        """The run that stands for the batch where slots are counted."""
        self.proof = group.pipeline.proof(members[0].order.computation)
        self.is_proven = self.proof.is_enough or not group.pipeline.options.compare
        # Callers may have sorted their rows, which would hide that the pipeline sorts them.
        self.members = tuple(members if self.is_proven else random.sample(members, len(members)))
        self.left = {member.run: member for member in self.members}
        self.is_executed = True
        """Whether the joint run has not ended."""
        self.alone: Member | None = None
        """The member that is executed alone at the moment, after the joint run."""
        self.expected: dict[ActiveRun, Outputs] = {}
        """What the joint run has given to each member, if that is to be compared with what each gives alone."""
        self.compared: list[Member] = []
        """The members whose outputs alone were those that the joint run has given."""
        self.has_failed = False
        self.is_run_at_fault = False
        """Whether a member has failed alone, too."""

    def is_alone(self, run: ActiveRun) -> bool:
        """Whether a run is executed alone at the moment."""
        return self.alone is not None and self.alone.run is run

    def compared_runs(self) -> list[ActiveRun]:
        """Return the members whose outputs are compared with those that they have alone, after the joint run."""
        if not self.is_proven:
            return list(self.left)
        is_spot_check = self.group.pipeline.options.compare and self.proof.is_spot_check()
        return [random.choice(list(self.left))] if is_spot_check else []

    @property
    def read_spec(self) -> Callable[[], RunSpec]:
        """What returns the joint run, in the thread or the process that executes it."""
        specs = tuple(member.order.spec for member in self.members)
        return partial(joined_spec, specs, self.group.pipeline.options.inputs)

    def announce(self) -> None:
        """Tell in the events of each member that it is part of the batch."""
        runs, rows = len(self.members), sum(member.order.rows for member in self.members)
        for member in self.members:
            run_id = member.run.record.run_id
            member.run.outbox.emit(RunBatched(run_id=run_id, batch_id=self.run_id, runs=runs, rows=rows))

    def emit(self, event: Event) -> None:
        """Give an event of the joint run to each member; what may tell of the rows of another is left out."""
        if type(event) is LogLine:
            return
        if type(event) is NodeRetried:
            event = msgspec.structs.replace(event, error=ErrorCause(type=event.error.type, message=_OF_A_BATCH))
        for member in self.members:
            run = member.run
            run.outbox.emit(msgspec.structs.replace(event, run_id=run.record.run_id))

    def split(self, outputs: Outputs) -> dict[ActiveRun, Outputs] | str:
        """Return the outputs of each member, or the name of the one that has not as many rows as the members have."""
        counts = [member.order.rows for member in self.members]
        parts: list[dict[str, Any]] = [{} for _ in self.members]
        for name, value in outputs.items():
            split = split_rows(value, counts)
            if split is None:
                return name
            for part, rows in zip(parts, split, strict=True):
                part[name] = rows
        return {member.run: part for member, part in zip(self.members, parts, strict=True)}
