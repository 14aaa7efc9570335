"""Tells the caller of a tool how far its run is, from the events of the run."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.events import NodeFinished, Published, RunPlanned
from kedro_asgi.runs import RunId

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""Gets how many nodes are done, how many there are, and a sentence."""


class ReportedProgress:
    """Counts the nodes that a run has finished. Another attempt of the run begins again, and the count waits for it."""

    def __init__(self, run_id: RunId, report: Report) -> None:
        self._run_id = run_id
        self._report = report
        self._finished: set[str] = set()
        self._total: int | None = None
        self._reported = -1

    async def follow(self, runs: Dispatcher) -> None:
        """Report until the run has ended, or until its events are there no more."""
        # The end of the run is in the store later, if it cannot be read now.
        with suppress(StoreUnavailableError):
            async with aclosing(runs.follow_in_groups(self._run_id)) as groups:
                async for events in groups:
                    await self._take(events)

    async def _take(self, events: Sequence[Published]) -> None:
        """Report once for all events that have come together; the protocol wants each report to be higher."""
        last: str | None = None
        for published in events:
            match published.event:
                case RunPlanned(nodes=nodes):
                    self._finished, self._total = set(), nodes
                case NodeFinished(node=node):
                    self._finished.add(node)
                    last = node
        if self._total is not None and len(self._finished) > self._reported:
            self._reported = len(self._finished)
            after = "" if last is None else f", the last one is '{last}'"
            text = f"Run {self._run_id}: {self._reported} of {self._total} nodes are done{after}."
            await self._report(self._reported, self._total, text)
