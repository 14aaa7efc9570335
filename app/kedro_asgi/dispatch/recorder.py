"""The only way into the store: states of runs, and everything else that is written."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import current_token

from kedro_asgi.dispatch.messages import Answered, FromWriter, GroupWritten, Request, StoreChanged, Written
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.pending_write import WriteOptions
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.writer import Writer
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.outcome import Outcome
from kedro_asgi.runs import FINAL
from kedro_asgi.session.event_loop import call_soon

T = TypeVar("T")


class Observer(Protocol):
    """Hears what the writer thread does; every call comes on the event loop."""

    def states_written(self, written: Sequence[Written]) -> None:
        """The writer thread has stored these states of runs, or has given them up."""

    def store_changed(self, *, is_up: bool) -> None:
        """The store fails, and nothing new can be promised; or it can be written again."""


class Recorder:
    """The event loop's side of the writer thread. Belongs to one event loop, but for `post`."""

    def __init__(
        self, store: Store, options: WriteOptions, policy: Policy, observer: Observer, metrics: Metrics
    ) -> None:
        self.failure: str | None = None
        self._metrics = metrics
        self._observer = observer
        self._loop = current_token()
        self._open_requests: dict[Request, None] = {}
        self._is_closed = False
        self._writer = Writer(store, options, policy, answer=self._answer)
        # Any thread; does not block.
        self.post = self._writer.post

    @property
    def backlog(self) -> int:
        """How many messages and runs wait until they are written."""
        return self._writer.backlog

    def check_store(self) -> None:
        """Have the writer thread find out whether the store works, since a reader has found that it does not."""
        if self.failure is None:
            self.post(Request(call=lambda store: store.check_writable(), then=lambda outcome: None), is_urgent=True)

    async def open(self) -> None:
        """Open the store and begin to write; raises `StoreVersionError`, but not that the store is unavailable."""
        await anyio.to_thread.run_sync(self._writer.open_store)
        # Here, so that no thread starts if the caller is cancelled while the store opens.
        self._writer.start()

    async def close(self) -> None:
        """Write what is left, if the store lets us, and close the store; requests without an answer are refused."""
        try:
            await anyio.to_thread.run_sync(self._writer.close)
        finally:
            self._is_closed = True
            for request in tuple(self._open_requests):
                self._finish(request, Outcome(error=StoreUnavailableError("it is closed")))

    async def execute(self, call: Callable[[Store], T]) -> T:
        """Return what ``call`` returns: a transaction in the writer thread, behind all that was posted before.

        It is tried once, even if the caller is gone; raises what it raises, or `StoreUnavailableError`.
        """
        if self._is_closed:
            raise StoreUnavailableError("it is closed")
        answers: list[Outcome[T]] = []
        done = anyio.Event()

        def answered(outcome: Outcome[T]) -> None:
            answers.append(outcome)
            done.set()

        request = Request(call=call, then=answered)
        self._open_requests[request] = None
        self.post(request, is_urgent=True)
        await done.wait()
        return answers[0].value()

    async def flush(self) -> None:
        """Wait until all that was posted before is written; raises `StoreUnavailableError`."""
        await self.execute(lambda store: None)

    def _answer(self, answers: Sequence[FromWriter]) -> None:
        """Take answers to the event loop; the writer thread calls this."""
        call_soon(self._loop, partial(self._receive, answers))

    def _receive(self, answers: Sequence[FromWriter]) -> None:
        for answer in answers:
            match answer:
                case GroupWritten(results=results, seconds=seconds):
                    if seconds is not None:
                        self._metrics.store_written(seconds)
                    else:
                        self._count_lost(results)
                    self._observer.states_written(results)
                case Answered(request=request, outcome=outcome):
                    self._finish(request, outcome)
                case StoreChanged(failure=failure):
                    self.failure = failure
                    if failure is not None:
                        self._metrics.store_failed()
                    self._observer.store_changed(is_up=failure is None)

    def _count_lost(self, results: Sequence[Written]) -> None:
        # A promise that was refused is not lost: its caller knows.
        if lost := sum(found.result == "dropped" and found.status in FINAL for found in results):
            self._metrics.runs_lost(lost)

    def _finish(self, request: Request, outcome: Outcome[Any]) -> None:
        if request in self._open_requests:
            del self._open_requests[request]
            request.then(outcome)
