"""How a run is asked to stop, and how it finds out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kedro_asgi.errors import RunStoppedError


class StopSignal:
    """Asks one run to stop, once.

    `stop` and `calling` belong to the event loop that hosts the run; `check` may be called by any thread.
    """

    __slots__ = ("_calls", "reason")

    def __init__(self) -> None:
        self.reason: RunStoppedError | None = None
        self._calls: list[Callable[[], None]] = []

    def stop(self, reason: RunStoppedError) -> None:
        """Ask the run to stop because of ``reason``; what was said first stays."""
        if self.reason is None:
            self.reason = reason
            for call in tuple(self._calls):
                call()

    def check(self) -> None:
        """Raise the reason if the run was asked to stop."""
        if self.reason is not None:
            raise self.reason

    def asked(self) -> RunStoppedError:
        """Return the reason of a run that was asked to stop."""
        assert self.reason is not None
        return self.reason

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Have ``call`` called when the run is asked to stop while this block lasts, or was already."""
        self._calls.append(call)
        try:
            if self.reason is not None:
                call()
            yield
        finally:
            self._calls.remove(call)


# Set for the threads of a run that can be stopped.
STOP: ContextVar[StopSignal | None] = ContextVar("kedro_asgi_stop", default=None)
