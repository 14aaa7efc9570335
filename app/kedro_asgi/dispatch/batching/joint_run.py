"""Several runs that an executor executes as one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.group import Member
from kedro_asgi.dispatch.batching.member_order import joined_spec
from kedro_asgi.events import Event, LogLine, NodeRetried, RunBatched
from kedro_asgi.runs import ErrorCause, RunId, RunSpec
from kedro_asgi.tables.rows import split_rows

Outputs = Mapping[str, Any]

_OF_A_BATCH = "The runs of a batch have one error, whose message may tell of the rows of another run."


class JointRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The members that are executed as one, under an id of their own. Any thread may call `emit`."""

    run_id: RunId
    members: Sequence[Member]

    def read_spec(self, inputs: Sequence[str]) -> Callable[[], RunSpec]:
        """Return what makes one run of all, in the thread or the process that executes it."""
        return partial(joined_spec, tuple(member.order.read for member in self.members), inputs)

    @property
    def rows(self) -> int:
        """How many rows the members have."""
        return sum(member.order.rows for member in self.members)

    def announce(self) -> None:
        """Tell in the events of each member that it is executed with others."""
        runs, rows = len(self.members), self.rows
        for member in self.members:
            run_id = member.run.record.run_id
            member.run.outbox.emit(RunBatched(run_id=run_id, batch_id=self.run_id, runs=runs, rows=rows))

    def emit(self, event: Event) -> None:
        """Give an event to each member; what may tell of the rows of another is left out."""
        if type(event) is LogLine:
            return
        if type(event) is NodeRetried:
            event = msgspec.structs.replace(event, error=ErrorCause(type=event.error.type, message=_OF_A_BATCH))
        for member in self.members:
            run = member.run
            run.outbox.emit(msgspec.structs.replace(event, run_id=run.record.run_id))

    def is_needed(self, left: Collection[ActiveRun]) -> bool:
        """Whether a member is among those that have not ended."""
        return any(member.run in left for member in self.members)

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
