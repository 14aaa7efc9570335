"""A worker whose callers read runs of all workers: records, events, outputs, notifications."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress

from kedro_asgi.dispatch.argument_checks import check_event_number, check_query
from kedro_asgi.dispatch.run_reads import list_events, list_node_runs, list_runs, read_output, read_run, wait_for_run
from kedro_asgi.dispatch.stores.notifications import (
    NotificationPage,
    NotificationQuery,
    NotificationState,
    is_cursor,
)
from kedro_asgi.dispatch.worker import Worker
from kedro_asgi.errors import DrainingError
from kedro_asgi.events import Published, RunEvent
from kedro_asgi.node_runs import NodeRun
from kedro_asgi.runs import RunPage, RunQuery, RunRecord
from kedro_asgi.webhook_options import is_webhook_name

_ALL_RUNS = RunQuery()
_ALL_NOTIFICATIONS = NotificationQuery()


class ReadingWorker(Worker):
    """A worker with callers that read; `Dispatcher` adds those that ask for runs."""

    async def read(self, run_id: str) -> RunRecord:
        """Return the record of a run; raises `RunNotFoundError`."""
        service = await self.service()
        with service.access.reading():
            return await read_run(service, run_id)

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunRecord:
        """Return the record when the run has ended, after ``timeout_seconds``, or when the service closes."""
        service = await self.service()
        with service.access.reading():
            return await wait_for_run(service, run_id, timeout_seconds)

    async def list(self, query: RunQuery = _ALL_RUNS) -> RunPage:
        """Return runs, newest first; raises `OutOfRangeError`."""
        check_query(query)
        service = await self.service()
        with service.access.reading():
            return await list_runs(service, query)

    async def node_runs(self, run_id: str) -> tuple[NodeRun, ...]:
        """Return the nodes that a run has started, in that order; raises `RunNotFoundError`."""
        service = await self.service()
        with service.access.reading():
            return await list_node_runs(service, run_id)

    async def last_events(self, run_id: str, count: int) -> tuple[RunEvent, ...]:
        """Return the last ``count`` events of a run until now; raises `RunNotFoundError`."""
        service = await self.service()
        with service.access.reading():
            return await list_events(service, run_id, count)

    async def output(self, run_id: str, name: str) -> bytes:
        """Return a kept output as JSON, or as a stream of Arrow if the run was to keep its tables so (`is_columnar`).

        Raises `RunNotEndedError` or `OutputNotFoundError`.
        """
        service = await self.service()
        with service.access.reading():
            return await read_output(service, run_id, name)

    async def follow(
        self, run_id: str | None = None, *, after: int = 0, position: str | None = None
    ) -> AsyncGenerator[Published, None]:
        """Yield the events of a run after number ``after`` until it ends, or those of all runs after ``position``.

        Without ``position``, the events of all runs begin now. A reader that is too slow loses events and gets an
        `EventsLost`. The stream also ends when the service closes. Raises `RunNotFoundError` or `OutOfRangeError`.
        """
        async with aclosing(self.follow_in_groups(run_id, after=after, position=position)) as groups:
            async for events in groups:
                for event in events:
                    yield event

    async def follow_in_groups(
        self, run_id: str | None = None, *, after: int = 0, position: str | None = None
    ) -> AsyncGenerator[Sequence[Published], None]:
        """Yield the events of `follow` in groups: all that are available at a time."""
        check_event_number(after)
        service = await self.service()
        # A caller that arrives while the store closes gets no events.
        with suppress(DrainingError):
            if run_id is not None:
                await self.read(run_id)
            feed = service.feed
            stream = feed.follow_all(after=position) if run_id is None else feed.follow_run(run_id, after=after)
            async with aclosing(stream):
                async for events in stream:
                    yield events

    async def notifications(self, query: NotificationQuery = _ALL_NOTIFICATIONS) -> NotificationPage:
        """Return notifications that are not delivered, those of the newest runs first."""
        service = await self.service()
        has_name = query.webhook is None or is_webhook_name(query.webhook)
        if not has_name or not (query.cursor is None or is_cursor(query.cursor)):
            # Only names go to the store: there is text that databases do not take.
            return NotificationPage(notifications=())
        with service.access.reading():
            return await service.access.read(lambda store: store.list_notifications(query))

    async def count_notifications(self) -> Mapping[tuple[str, NotificationState], int]:
        """Return how many notifications that are not delivered each webhook has in each state."""
        service = await self.service()
        with service.access.reading():
            return await service.access.read(lambda store: store.count_notifications())
