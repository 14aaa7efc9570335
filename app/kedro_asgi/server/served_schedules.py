"""The schedules of a served project: read with the project, and at work while the server is up."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.supervision import LongLivedWork, keep_going
from kedro_asgi.errors import ProjectError
from kedro_asgi.outcome import Outcome
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE, ReloadSignal

if TYPE_CHECKING:
    from kedro_asgi.dispatch.schedules.schedule import Schedule
    from kedro_asgi.dispatch.schedules.schedules import Schedules
    from kedro_asgi.project import Project
    from kedro_asgi.session import KedroServiceSession

_LOOK_SECONDS = 1.0


class ServedSchedules:
    """The work of a server on its schedules; imports their room only for a project that has some.

    ``read_project`` reads the project's options, in a thread. Other processes of the server read the schedules again
    when one did. Belongs to one event loop.
    """

    def __init__(self, session: AsyncSession, runs: Dispatcher, read_project: "Callable[[], Project]") -> None:
        self._session = session
        self._runs = runs
        self._read_project = read_project
        self._tasks: TaskGroup | None = None
        self._schedules: Schedules | None = None
        self._is_at_work = False
        path = os.environ.get(RELOAD_SIGNAL_VARIABLE)
        self._signal = ReloadSignal(Path(f"{path}.schedules")) if path else None

    async def current(self) -> "Schedules | None":
        """Return the schedules, read first if no lifespan has; ``None`` if there are none. Raises `ProjectError`."""
        if self._schedules is None and self._tasks is None:
            self.use(await self.read())
        return self._schedules

    async def read(self) -> "tuple[Schedule, ...]":
        """Return the schedules that the project's options define now.

        Raises `ProjectError` for one that is at fault, or that names what the project does not have.
        """
        work = partial(Outcome.of, lambda: read_schedules(self._read_project()))
        schedules = (await run_in_daemon_thread(work)).value()
        if schedules and (await self._session.open()).error is None:
            # Else each run will tell why the project cannot be opened, and so does readiness.
            (await self._session.in_free_thread(partial(_check, schedules))).value()
        return schedules

    def use(self, schedules: "tuple[Schedule, ...]") -> None:
        """Know these schedules from now on."""
        if self._schedules is None:
            if not schedules:
                return
            # The thread that read the schedules has imported it.
            from kedro_asgi.server.schedule_definitions import Schedules

            self._schedules = Schedules(self._runs)
        self._schedules.replace(schedules)
        self._begin_work()

    async def reload(self, schedules: "tuple[Schedule, ...]") -> None:
        """Know these schedules from now on, and tell the other processes of the server."""
        self.use(schedules)
        if self._signal is not None:
            await anyio.to_thread.run_sync(self._signal.send)

    def open(self, tasks: TaskGroup) -> None:
        """Begin runs when they are due, in tasks of this group, from now on."""
        self._tasks = tasks
        self._begin_work()
        if self._signal is not None:
            # Also without schedules: another process may read the first ones.
            look = partial(self._look, self._signal)
            tasks.start_soon(
                keep_going, LongLivedWork(name="read schedules again", do=look, pause_seconds=_LOOK_SECONDS)
            )

    def _begin_work(self) -> None:
        if self._is_at_work or self._tasks is None or self._schedules is None:
            return
        self._is_at_work = True
        self._tasks.start_soon(self._schedules.work)

    async def _look(self, signal: ReloadSignal) -> None:
        stamp = await anyio.to_thread.run_sync(signal.pending)
        if stamp is not None:
            self.use(await self.read())
            signal.acknowledge(stamp)


def _check(schedules: "tuple[Schedule, ...]", session: "KedroServiceSession") -> None:
    # The thread that read the schedules has imported it.
    from kedro_asgi.server.schedule_definitions import check_schedules

    check_schedules(schedules, session)


def read_schedules(project: "Project") -> "tuple[Schedule, ...]":
    """Return the schedules of a project; raises `ProjectError`, also if the library for them is not installed."""
    if not project.options.schedules:
        return ()
    try:
        # The library that reads cron expressions is an optional dependency.
        from kedro_asgi.server.schedule_definitions import decode_schedules
    except ImportError as error:
        text = f"Section [tool.kedro-asgi.schedules]: install 'kedro-asgi[schedules]' for schedules ({error})."
        raise ProjectError(text) from error

    return decode_schedules(project.options.schedules)
