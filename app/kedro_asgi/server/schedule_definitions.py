"""Reads ``[tool.kedro-asgi.schedules.<name>]``: when runs are due, and the fields of ``POST /runs``.

Imported only where a project has schedules.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from kedro_asgi.dispatch.schedules.cron import Cron
from kedro_asgi.dispatch.schedules.schedule import LABELS, MissedPolicy, OverlapPolicy, Schedule
from kedro_asgi.dispatch.schedules.schedules import Schedules as Schedules
from kedro_asgi.encoding import is_unicode
from kedro_asgi.errors import ScheduleError
from kedro_asgi.limits import MAX_LABELS
from kedro_asgi.media_types import JSON
from kedro_asgi.schemas import RunSubmission
from kedro_asgi.server.bodies import decode_run_request, run_order, run_spec
from kedro_asgi.server.errors import InvalidBodyError

if TYPE_CHECKING:
    from kedro_asgi.session import KedroServiceSession

T = TypeVar("T")

_MONTH_SECONDS = 31 * 86_400
_DEADLINE_SECONDS: Mapping[MissedPolicy, float] = {"skip": 60.0, "run-once": 86_400.0, "run-all": 86_400.0}
_OF_RUNS = frozenset(RunSubmission.__struct_fields__)


class _Timing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a schedule beside those of a run request."""

    cron: Annotated[str, Meta(max_length=1000)]
    timezone: Annotated[str, Meta(max_length=100)] = "UTC"
    pipeline: str | None = None
    missed: MissedPolicy = "skip"
    overlap: OverlapPolicy = "allow"
    start_deadline_seconds: Annotated[float, Meta(ge=1, le=_MONTH_SECONDS)] | None = None
    max_missed: Annotated[int, Meta(ge=1, le=1000)] = 100


def decode_schedules(tables: Mapping[str, Mapping[str, Any]]) -> tuple[Schedule, ...]:
    """Return the schedules that a project's options define; raises `ScheduleError` for the first that is at fault."""
    return tuple(_read(name, table) for name, table in tables.items())


def check_schedules(schedules: Iterable[Schedule], session: "KedroServiceSession") -> None:
    """Raise `ScheduleError` for the first schedule that names what the project of ``session`` does not have."""
    # The thread that opened the project has imported the engine.
    from kedro_asgi.session.run_check import run_problem

    for schedule in schedules:
        if (problem := run_problem(session.engine.planner, schedule.order.spec)) is not None:
            raise ScheduleError(schedule.name, problem)


def _read(name: str, table: Mapping[str, Any]) -> Schedule:
    if not name or len(name) > 100 or not is_unicode(name) or not name.isprintable() or "/" in name:
        raise ScheduleError(name[:100], "a name has 1 to 100 printable characters, and no '/'.")
    timing = _read_timing(name, {field: value for field, value in table.items() if field not in _OF_RUNS})
    submission = _read_submission(name, {field: value for field, value in table.items() if field in _OF_RUNS})
    if timing.pipeline is not None:
        if submission.pipeline_names is not None:
            raise ScheduleError(name, "give 'pipeline' or 'pipeline_names', not both.")
        submission = msgspec.structs.replace(submission, pipeline_names=[timing.pipeline])
    _check_labels(name, submission)
    ticks = _at_fault(name, lambda: Cron(timing.cron, timing.timezone))
    deadline = timing.start_deadline_seconds
    return Schedule(
        name=name,
        cron=timing.cron,
        timezone=timing.timezone,
        ticks=ticks,
        order=run_order(submission, run_spec(submission)),
        missed=timing.missed,
        overlap=timing.overlap,
        start_deadline_seconds=_DEADLINE_SECONDS[timing.missed] if deadline is None else deadline,
        max_missed=timing.max_missed,
    )


def _read_timing(name: str, fields: Mapping[str, Any]) -> _Timing:
    timing = _at_fault(name, lambda: msgspec.convert(fields, _Timing))
    if timing.missed == "run-all" and timing.overlap == "skip":
        raise ScheduleError(name, "missed = 'run-all' needs overlap = 'allow': the runs begin together.")
    return timing


def _read_submission(name: str, fields: Mapping[str, Any]) -> RunSubmission:
    members = ", ".join(_field(name, field, value) for field, value in fields.items())
    try:
        return decode_run_request(f"{{{members}}}".encode(), JSON, RunSubmission)
    except InvalidBodyError as error:
        raise ScheduleError(name, error.sentence()) from error


def _field(name: str, field: str, value: Any) -> str:
    try:
        return f"{json.dumps(field)}: {json.dumps(value, allow_nan=False)}"
    except (TypeError, ValueError, RecursionError) as error:
        raise ScheduleError(name, f"{field}: only what JSON has ({error}); write dates as texts.") from error


def _check_labels(name: str, submission: RunSubmission) -> None:
    labels = submission.labels or {}
    if taken := sorted(set(LABELS).intersection(labels)):
        raise ScheduleError(name, f"labels: each run of a schedule has the label '{taken[0]}' already.")
    if len(labels) + len(LABELS) > MAX_LABELS:
        raise ScheduleError(name, f"labels: a run may have {MAX_LABELS}, of which its schedule gives {len(LABELS)}.")


def _at_fault(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise ScheduleError(name, str(error)) from error
