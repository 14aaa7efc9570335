"""The routes of schedules: list, pause, resume, and run now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.errors import ScheduleNotFoundError
from kedro_asgi.schemas import ScheduleDescription, ScheduledRunState, ScheduleList
from kedro_asgi.server.access.caller import caller_of
from kedro_asgi.server.access.visible_runs import as_visible
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.served_schedules import ServedSchedules

if TYPE_CHECKING:
    from kedro_asgi.dispatch.schedules.schedule import Schedule
    from kedro_asgi.dispatch.schedules.schedules import Schedules, ScheduleView

_NEXT_TICKS = 5


class ScheduleRoutes:
    """``/schedules`` of one served project. A schedule of other pipelines does not exist for a caller with a limit."""

    def __init__(self, schedules: ServedSchedules) -> None:
        self._schedules = schedules

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/schedules", self.list, methods=["GET"]),
            Route("/schedules/{name}/pause", self.pause, methods=["POST"]),
            Route("/schedules/{name}/resume", self.resume, methods=["POST"]),
            Route("/schedules/{name}/run", self.run, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Return the schedules that the caller may see."""
        schedules = await self._schedules.current()
        described = () if schedules is None else await _describe(schedules, _visible(schedules, request))
        return json_response(ScheduleList(schedules=described))

    async def pause(self, request: Request) -> Response:
        """Pause a schedule: it begins no runs from now on."""
        return await self._pause(request, is_paused=True)

    async def resume(self, request: Request) -> Response:
        """Let a schedule go on with its next tick."""
        return await self._pause(request, is_paused=False)

    async def run(self, request: Request) -> Response:
        """Begin a run of a schedule now; respond 202 with its record."""
        schedules, schedule = await self._find(request)
        record = await schedules.run(schedule.name)
        location = f"{quote(request.scope.get('root_path', ''))}/runs/{record.run_id}"
        # The order is that of the project, and not of this request.
        return json_response(as_visible(record, request), status_code=202, headers={"Location": location})

    async def _pause(self, request: Request, *, is_paused: bool) -> Response:
        schedules, schedule = await self._find(request)
        await schedules.pause(schedule.name, is_paused=is_paused)
        (described,) = await _describe(schedules, [schedule])
        return json_response(described)

    async def _find(self, request: Request) -> "tuple[Schedules, Schedule]":
        name, schedules = request.path_params["name"], await self._schedules.current()
        if schedules is None:
            raise ScheduleNotFoundError(name)
        visible = {schedule.name: schedule for schedule in _visible(schedules, request)}
        if name not in visible:
            raise ScheduleNotFoundError(name, visible)
        return schedules, visible[name]


def _visible(schedules: "Schedules", request: Request) -> "list[Schedule]":
    caller = caller_of(request.scope)
    return [each for each in schedules.known if caller is None or caller.may_see(each.pipeline_names)]


async def _describe(schedules: "Schedules", wanted: "Sequence[Schedule]") -> tuple[ScheduleDescription, ...]:
    return tuple(map(_description, await schedules.view(wanted, ticks=_NEXT_TICKS)))


def _description(view: "ScheduleView") -> ScheduleDescription:
    schedule = view.schedule
    return ScheduleDescription(
        name=schedule.name,
        cron=schedule.cron,
        timezone=schedule.timezone,
        pipeline_names=schedule.pipeline_names,
        missed=schedule.missed,
        overlap=schedule.overlap,
        start_deadline_seconds=schedule.start_deadline_seconds,
        is_paused=view.is_paused,
        next_ticks=tuple(datetime.fromtimestamp(tick / 1000, UTC) for tick in view.next_ticks_ms),
        last_run=_last_run(view),
    )


def _last_run(view: "ScheduleView") -> ScheduledRunState | None:
    if (record := view.last_run) is None:
        return None
    tick = record.labels.get("scheduled_at")
    return ScheduledRunState(
        run_id=record.run_id,
        status=record.status,
        created_at=record.created_at,
        scheduled_at=None if tick is None else datetime.fromisoformat(tick),
    )
