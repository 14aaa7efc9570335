"""A schedule as a value: when runs are due, what they do, and what happens to ticks that passed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from kedro_asgi.dispatch.schedules.cron import Cron
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunOrder

SCHEDULE_LABEL = "schedule"
"""The label that names the schedule of a run."""
TICK_LABEL = "scheduled_at"
"""The label that holds the tick that a run is for."""
LABELS = (SCHEDULE_LABEL, TICK_LABEL)

MissedPolicy = Literal["skip", "run-once", "run-all"]
OverlapPolicy = Literal["allow", "skip"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """When runs are due, and what they do.

    A tick that is older than ``start_deadline_seconds`` has no run any more. Of the others that are due, ``run-once``
    runs the last, and the other policies run the last ``max_missed``; they differ in the default of the deadline. With
    ``overlap`` of ``skip``, a tick is skipped while the last run of the schedule goes on.
    """

    name: str
    cron: str
    timezone: str
    ticks: Cron
    order: RunOrder
    missed: MissedPolicy = "skip"
    overlap: OverlapPolicy = "allow"
    start_deadline_seconds: float = 60.0
    max_missed: int = 100

    @property
    def definition(self) -> str:
        """When the schedule is due, as text."""
        return f"{self.cron} {self.timezone}"

    @property
    def pipeline_names(self) -> tuple[str, ...]:
        """The pipelines that its runs execute."""
        return self.order.spec.slice.pipeline_names or (DEFAULT_PIPELINE,)

    def order_for(self, tick_ms: int | None) -> RunOrder:
        """Return the order of the run for a tick; without one, of a run that a caller wants now."""
        labels: Mapping[str, str] = {**self.order.labels, SCHEDULE_LABEL: self.name}
        if tick_ms is not None:
            labels = {**labels, TICK_LABEL: tick_text(tick_ms)}
        return msgspec.structs.replace(self.order, labels=labels)


def tick_time(tick_ms: int) -> datetime:
    """Return a tick as a time in UTC."""
    return datetime.fromtimestamp(tick_ms / 1000, UTC)


def tick_text(tick_ms: int) -> str:
    """Return a tick as text: ``2026-11-29T06:00:00Z``."""
    return f"{tick_time(tick_ms):%Y-%m-%dT%H:%M:%SZ}"
