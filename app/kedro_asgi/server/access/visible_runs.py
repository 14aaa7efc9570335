"""The runs that callers may see: those of the pipelines of their limits; without *read*, their state alone."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
from starlette.requests import Request

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import RunNotFoundError
from kedro_asgi.events import Published
from kedro_asgi.runs import RunPage, RunQuery, RunRecord
from kedro_asgi.server.access.caller import Caller, caller_of, may_read

# More runs than go on at a time: one that is forgotten is read again.
_MAX_KNOWN = 1000

Groups = AsyncGenerator[Sequence[Published], None]


async def read_visible(runs: Dispatcher, run_id: str, request: Request) -> RunRecord:
    """Return the record of a run; raises `RunNotFoundError`, also for a run that the caller may not see."""
    record, caller = await runs.read(run_id), caller_of(request.scope)
    if caller is not None and not caller.may_see(record.pipeline_names):
        raise RunNotFoundError(run_id)
    return record


def as_visible(record: RunRecord, request: Request) -> RunRecord:
    """Return the record of a run that the caller stops or repeats: without *read*, only how far the run is.

    What another caller has asked for, and what came of it, stays with the callers that may read it.
    """
    if may_read(request.scope):
        return record
    return RunRecord(
        run_id=record.run_id,
        status=record.status,
        created_at=record.created_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        duration_ms=record.duration_ms,
        pipeline_names=record.pipeline_names,
        timeout_seconds=record.timeout_seconds,
        is_stopping=record.is_stopping,
        run_attempt=record.run_attempt,
        next_attempt_at=record.next_attempt_at,
        rerun_of=record.rerun_of,
    )


async def list_visible(runs: Dispatcher, query: RunQuery, request: Request) -> RunPage:
    """Return a page of the runs that the caller may see; it may be shorter than asked, and still have a cursor."""
    return await list_visible_to(caller_of(request.scope), runs, query)


async def list_visible_to(caller: Caller | None, runs: Dispatcher, query: RunQuery) -> RunPage:
    """Do what `list_visible` does, for a caller that is known; ``None`` has no limit."""
    if caller is None or caller.pipelines is None:
        return await runs.list(query)
    # The store finds the runs with any of the pipelines.
    page = await runs.list(msgspec.structs.replace(query, any_pipeline=tuple(sorted(caller.pipelines))))
    visible = tuple(run for run in page.runs if caller.may_see(run.pipeline_names))
    return RunPage(runs=visible, cursor=page.cursor)


def only_visible(groups: Groups, runs: Dispatcher, request: Request) -> Groups:
    """Return the events of the runs that the caller may see."""
    caller = caller_of(request.scope)
    return groups if caller is None or caller.pipelines is None else _only_visible(groups, runs, caller)


async def _only_visible(groups: Groups, runs: Dispatcher, caller: Caller) -> Groups:
    known: BoundedCache[str, bool] = BoundedCache(_MAX_KNOWN)
    async with aclosing(groups):
        async for events in groups:
            for run_id in {event.run_id for event in events} - known.keys():
                known.add(run_id, await _is_visible(runs, run_id, caller))
            # A run that the cache has dropped meanwhile is left out, rather than shown.
            if kept := [event for event in events if known.get(event.run_id, False)]:
                yield kept


async def _is_visible(runs: Dispatcher, run_id: str, caller: Caller) -> bool:
    try:
        return caller.may_see((await runs.read(run_id)).pipeline_names)
    except RunNotFoundError:
        return False
