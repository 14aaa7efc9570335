"""Reads runs of any worker: what this worker knows of its own runs, and what the store has of all others."""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress

import anyio
from msgspec import UnsetType

from kedro_asgi.dispatch.argument_checks import wait_seconds
from kedro_asgi.dispatch.event_feed import read_events
from kedro_asgi.dispatch.service import Service
from kedro_asgi.errors import OutputNotFoundError, RunNotEndedError, RunNotFoundError, StoreUnavailableError
from kedro_asgi.events import NodeFinished, RunEvent, RunStarted
from kedro_asgi.node_runs import NodeRun, read_node_runs
from kedro_asgi.run_ids import is_run_id
from kedro_asgi.runs import RunPage, RunQuery, RunRecord

# How long a listing waits until recent changes are written; disks of busy machines are slow.
_FLUSH_SECONDS = 5.0


async def read_run(service: Service, run_id: str) -> RunRecord:
    """Return the record of a run; raises `RunNotFoundError`."""
    if (run := service.runs.get(run_id)) is not None:
        return run.known_record()
    # Only ids go to the store: there is text that databases do not take.
    record = await service.access.read(lambda store: store.read_run(run_id)) if is_run_id(run_id) else None
    if record is None:
        raise RunNotFoundError(run_id)
    return record


async def wait_for_run(service: Service, run_id: str, timeout_seconds: float | None) -> RunRecord:
    """Return the record when the run has ended, after ``timeout_seconds``, or when the service closes."""
    with anyio.move_on_after(wait_seconds(timeout_seconds)):
        while not service.has_let_waiters_go:
            if (record := await _next_record(service, run_id)).is_final:
                return record
    return await read_run(service, run_id)


async def _next_record(service: Service, run_id: str) -> RunRecord:
    """Return the record of a run when it has ended, or when it has come to this worker or left it."""
    run = service.runs.get(run_id)
    if run is not None and not run.is_closed:
        await run.closed()
        # A run that another worker has taken may have another end.
        return run.record if run.phase == "announced" else await read_run(service, run_id)
    with service.waited_runs.waiter(run_id) as told:
        # Now, so that an end that comes behind this read is told.
        record = await read_run(service, run_id)
        if not record.is_final and run_id not in service.runs:
            await told.wait()
    return record


async def list_runs(service: Service, query: RunQuery) -> RunPage:
    """Return runs, newest first, with the changes until now."""
    await _flush(service)
    return await service.access.read(lambda store: store.list_runs(query))


async def list_node_runs(service: Service, run_id: str) -> tuple[NodeRun, ...]:
    """Return the nodes that a run has started, in that order; raises `RunNotFoundError`."""
    await read_run(service, run_id)
    await _flush(service)
    return await service.access.read(lambda store: tuple(read_node_runs(read_events(store, run_id))))


async def list_events(service: Service, run_id: str, last: int) -> tuple[RunEvent, ...]:
    """Return the ``last`` events of a run until now; raises `RunNotFoundError`."""
    await read_run(service, run_id)
    await _flush(service)
    return await service.access.read(lambda store: tuple(deque(read_events(store, run_id), maxlen=last)))


async def read_finished_nodes(service: Service, run_id: str) -> tuple[frozenset[str], int]:
    """Return the nodes that the last attempt of a run has finished, and the number of that attempt."""
    await _flush(service)
    return await service.access.read(lambda store: _finished_nodes(read_events(store, run_id)))


def _finished_nodes(events: Iterable[RunEvent]) -> tuple[frozenset[str], int]:
    finished: set[str] = set()
    number = 1
    for event in events:
        match event:
            case RunStarted(attempt=attempt):
                finished, number = set(), 1 if isinstance(attempt, UnsetType) else attempt
            case NodeFinished(node=node):
                finished.add(node)
    return frozenset(finished), number


async def read_output(service: Service, run_id: str, name: str) -> bytes:
    """Return a kept output as it is kept; raises `RunNotEndedError` or `OutputNotFoundError`."""
    record = await read_run(service, run_id)
    if not record.is_final:
        raise RunNotEndedError(run_id, record.status)
    is_kept = name in record.outputs
    value = await service.access.read(lambda store: store.read_output(run_id, name)) if is_kept else None
    if value is None:
        raise OutputNotFoundError(run_id, name, record.outputs, problem=record.output_problems.get(name))
    return value


async def _flush(service: Service) -> None:
    """Wait until recent changes are in the store, but not long, and not if it cannot be written."""
    if service.recorder.failure is None:
        with anyio.move_on_after(_FLUSH_SECONDS), suppress(StoreUnavailableError):
            await service.recorder.flush()
