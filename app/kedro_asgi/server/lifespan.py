"""The life of a server, from the start of its process to the end of its last run."""

import gc
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import anyio
from anyio.abc import TaskGroup
from starlette.applications import Starlette

from kedro_asgi.dispatch.supervision import LongLivedWork, keep_going
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.outcome import Outcome
from kedro_asgi.server.server_parts import ServerParts, read_project
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE
from kedro_asgi.tracing.sdk import LAST_SECONDS, flush_spans

_log = logging.getLogger(__name__)

# How long a worker that replaces another one opens its project before it listens all the same.
_OPENING_SECONDS = 30.0
# How often a worker looks whether another one has reloaded: runs look themselves, other requests do not.
_LOOK_SECONDS = 1.0


class Lifespan:
    """Opens the parts of a server, and closes them; Starlette calls it with the application."""

    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts
        self._configuration = parts.configuration

    @asynccontextmanager
    async def __call__(self, _: Starlette) -> AsyncIterator[None]:
        """Serve in this block."""
        if self._configuration.log_format == "json" and self._configuration.drain_on_signals:
            # This process is a server of its own: all that it writes is JSON.
            logging.captureWarnings(True)
        with self._parts.shutdown.watching():
            with self._parts.shutdown.until_begun() as opening:
                await self._read_project()
            if opening.cancelled_caught:
                # The server was told to end while the project was read, which may never end.
                yield
                return
            _log.info("Kedro server started successfully")
            async with AsyncExitStack() as stack:
                tasks = await self._open_parts(stack)
                yield
                await self._end(tasks)
            if self._configuration.otel:
                with anyio.move_on_after(LAST_SECONDS, shield=True):
                    await run_in_daemon_thread(partial(Outcome.of, flush_spans))

    async def _read_project(self) -> None:
        """Read the project and its schedules, and load the artifacts that it or the configuration names."""
        configuration, schedules = self._configuration, self._parts.schedules
        _log.info("Bootstrapping Kedro project at: %s", configuration.project_path)
        work = partial(read_project, configuration)
        project = (await run_in_daemon_thread(partial(Outcome.of, work))).value()
        if project.options.schedules:
            try:
                schedules.use(await schedules.read())
            except KedroAsgiError as error:
                _raise_without_traceback(error)
        if project.options.preload if configuration.preload is None else configuration.preload:
            _raise_without_traceback((await self._parts.session.open()).error)

    async def _open_parts(self, stack: AsyncExitStack) -> TaskGroup:
        """Open session and runs, and begin the long-lived work; return its task group."""
        parts, configuration = self._parts, self._configuration
        try:
            for part in (parts.session, parts.runs):
                await stack.enter_async_context(part)
        except KedroAsgiError as error:
            _raise_without_traceback(error)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        parts.schedules.open(tasks)
        if RELOAD_SIGNAL_VARIABLE in os.environ:
            look = parts.session.read_reloads
            tasks.start_soon(
                keep_going, LongLivedWork(name="read the project again", do=look, pause_seconds=_LOOK_SECONDS)
            )
        if configuration.opens_first:
            with parts.shutdown.until_begun(timeout_seconds=_OPENING_SECONDS):
                await parts.admin_routes.open_project()
        tasks.start_soon(self._open_project)
        if parts.metrics_route is not None:
            tasks.start_soon(parts.metrics_route.publish_forever)
        return tasks

    async def _open_project(self) -> None:
        await self._parts.admin_routes.open_project()
        if self._configuration.drain_on_signals:
            # This process is a server of its own. From now on, the collector of garbage looks at what runs make, and no
            # longer at modules and the project, which stay. That is 4 to 6 % of a run, and no pause for the hundred
            # thousands of objects of large libraries.
            gc.freeze()

    async def _end(self, tasks: TaskGroup) -> None:
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            # The drain at the end of the block would begin the grace again.
            await self._parts.shutdown.drained()
            if self._parts.metrics_route is not None:
                await self._parts.metrics_route.publish()


def _raise_without_traceback(error: BaseException | None) -> None:
    """Raise ``error``, if any; the message of our own errors is enough for an operator, without a traceback."""
    if error is not None:
        raise error.with_traceback(None) if isinstance(error, KedroAsgiError) else error
