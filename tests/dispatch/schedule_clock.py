"""A clock for schedules that only tests move."""

from collections.abc import Sequence
from datetime import datetime

import anyio

from kedro_asgi.dispatch.schedules.cron import Cron
from kedro_asgi.dispatch.schedules.schedule import Schedule
from kedro_asgi.runs import RunOrder, RunSpec, Slice

# The file of the time zone is read here, and not on an event loop.
_IN_UTC = Cron("* * * * *", "UTC")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def schedule(name: str = "minutely", cron: str = "* * * * *", *, pipeline: str = "calc", **fields: object) -> Schedule:
    order = RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,))), labels={"team": "ml"})
    return Schedule(name=name, cron=cron, timezone="UTC", ticks=Cron(cron, "UTC"), order=order, **fields)


class HandClock:
    """A `Clock` that stands still until `move`; ``looked_at_ms`` is when its worker had nothing more to do."""

    def __init__(self, now: str) -> None:
        self._now_ms = ms(now)
        self._moved = anyio.Event()
        self.looked_at_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def set_reference(self, now_ms: int) -> None:
        """Keep the time: the store has that of the machine."""

    async def wait(self, until_ms: int, wake: anyio.Event) -> None:
        moved = self._moved
        if until_ms <= self._now_ms or moved.is_set():
            await anyio.lowlevel.checkpoint()
            return
        self.looked_at_ms = self._now_ms
        async with anyio.create_task_group() as tasks:
            for event in (moved, wake):
                tasks.start_soon(_wait_and_cancel, event, tasks.cancel_scope)

    def move(self, now: str) -> None:
        self._now_ms = ms(now)
        self.looked_at_ms = 0
        moved, self._moved = self._moved, anyio.Event()
        moved.set()


async def _wait_and_cancel(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def until_idle(*clocks: HandClock) -> None:
    """Return when the workers of these clocks have done all that is due."""
    with anyio.fail_after(60):
        while any(clock.looked_at_ms != clock.now_ms() for clock in clocks):
            await anyio.sleep(0.001)


async def move_all(now: str, clocks: Sequence[HandClock]) -> None:
    for clock in clocks:
        clock.move(now)
    await until_idle(*clocks)
