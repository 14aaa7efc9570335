"""One process that executes the promised runs of a store."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import anyio

from kedro_asgi.cli.logging_setup import apply_log_config
from kedro_asgi.cli.process_end import ProcessEnd
from kedro_asgi.cli.server_process import HASTEN, LAST_SECONDS, end_with_supervisor
from kedro_asgi.dispatch import Worker
from kedro_asgi.dispatch.stores import MEMORY
from kedro_asgi.errors import PolicyError
from kedro_asgi.failures import failure_sentence
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.http_metrics import HttpMetrics
from kedro_asgi.server.metrics_route import MetricsRoute
from kedro_asgi.server.worker_app import WorkerStatus
from kedro_asgi.server.worker_options import make_session, worker_options
from kedro_asgi.tracing.activation import prepare_tracing
from kedro_asgi.tracing.sdk import flush_spans, set_up_sdk

_log = logging.getLogger(__name__)

# How often a worker looks whether it is ready.
_LOOK_SECONDS = 0.05
#: The exit code of a process that cannot open its project, as uvicorn's.
STARTUP_FAILURE = 3

NoteStatus = Callable[[WorkerStatus], None]
"""Notes the status of a process."""


def check_worker(configuration: ServerConfiguration) -> None:
    """Raise `PolicyError` for settings with which a worker would never get a run."""
    if configuration.store == MEMORY:
        raise PolicyError("a worker takes runs from a store that servers write, and 'memory:' has only one process")
    if configuration.policy.max_concurrent_runs == 0:
        raise PolicyError("max_concurrent_runs of 0 is for servers that leave all runs to workers")


def execute_runs(
    note_status: NoteStatus, *, log_config: dict[str, Any], project_path: Path, is_supervised: bool = False
) -> int:
    """Execute runs as the variables of this process say, until a signal ends it; return the exit code.

    ``note_status`` is called when the process takes runs, and when it takes no more. A supervised process leaves SIGINT
    to its supervisor, since a terminal sends it to both.
    """
    end = ProcessEnd()
    signal.signal(signal.SIGTERM, end.now)
    if is_supervised:
        apply_log_config(log_config, project_path)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=end_with_supervisor, name="kedro-asgi-supervisor-watch", daemon=True).start()
    configuration = ServerConfiguration.read()
    if configuration.otel:
        set_up_sdk()
    prepare_tracing()
    code = anyio.run(_work, configuration, end, note_status, is_supervised)
    if configuration.otel:
        flush_spans()
    return code


async def _work(
    configuration: ServerConfiguration, end: ProcessEnd, note_status: NoteStatus, is_supervised: bool
) -> int:
    session = make_session(configuration)
    opened = await session.open()
    if opened.error is not None:
        _log.error("The project cannot be run: %s", failure_sentence(opened.error))
        return STARTUP_FAILURE
    gc.freeze()
    worker = Worker(session, **worker_options(configuration), takes_runs=True)
    metrics = MetricsRoute(worker, HttpMetrics(), configuration.metrics_folder) if configuration.metrics else None
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(session)
        await stack.enter_async_context(worker)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if metrics is not None:
            tasks.start_soon(metrics.publish_forever)
        opening = anyio.CancelScope()
        tasks.start_soon(_note_when_ready, worker, note_status, opening)

        def note_signal() -> None:
            opening.cancel()
            note_status("draining")

        grace_seconds = configuration.policy.grace_seconds
        await _drained(worker, end, note_signal, grace_seconds=grace_seconds, is_supervised=is_supervised)
        tasks.cancel_scope.cancel()
        if metrics is not None:
            with anyio.CancelScope(shield=True):
                await metrics.publish()
    _log.info("Worker [%s] has ended.", os.getpid())
    return 0


async def _note_when_ready(worker: Worker, note_status: NoteStatus, scope: anyio.CancelScope) -> None:
    """Wait until the store answers and the processes of runs have opened the project, then say so."""
    with scope:
        while True:
            if worker.failure is None and not worker.is_starting:
                break
            await anyio.sleep(_LOOK_SECONDS)
        if not scope.cancel_called:
            note_status("ready")
            _log.info("Worker [%s] executes runs.", os.getpid())


async def _drained(
    worker: Worker, end: ProcessEnd, note_signal: Callable[[], None], *, grace_seconds: float, is_supervised: bool
) -> None:
    """Wait for a signal, then for the end of the runs; another signal ends the grace."""
    first = (signal.SIGTERM,) if is_supervised else (signal.SIGTERM, signal.SIGINT)
    # A service manager may send SIGTERM to all processes, and the supervisor passes its own on.
    second = (HASTEN,) if is_supervised else first
    with anyio.open_signal_receiver(*{*first, *second}) as signals:
        # Of two signals that wait, the one that hastens may come before the first.
        is_hastened = await anext(aiter(signals)) not in first
        note_signal()
        end.within(LAST_SECONDS if is_hastened else grace_seconds + LAST_SECONDS)
        async with anyio.create_task_group() as tasks:

            async def hasten() -> None:
                async for number in signals:
                    if number in second:
                        end.within(LAST_SECONDS)
                        await worker.drain(grace_seconds=0)

            tasks.start_soon(hasten)
            await worker.drain(grace_seconds=0 if is_hastened else None)
            tasks.cancel_scope.cancel()
    # Runs have ended; a further signal must not cut off the last metrics and spans. `ProcessEnd` limits the time.
    for number in {*first, *second}:
        signal.signal(number, _ignore)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing."""
