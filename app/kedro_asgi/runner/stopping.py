"""Ask a run to stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

import msgspec

from kedro_asgi.errors import RunStoppedError


class StopSignal(msgspec.Struct, eq=False):
    """Asks one run to stop, once; ``reason`` is set from then on, and every thread of the run may read it.

    `stop` is called on the event loop that hosts the run, `on_stop` by any thread of the run. The callback runs in
    either thread, perhaps twice, so it must not wait.
    """

    reason: RunStoppedError | None = None
    _callbacks: list[Callable[[], None]] = []

    def stop(self, reason: RunStoppedError) -> None:
        """Ask the run to stop because of ``reason``; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            for callback in tuple(self._callbacks):
                callback()

    @contextmanager
    def on_stop(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call ``callback`` when the run is asked to stop while this block lasts, or now if it was already."""
        # First the callback and then the look: `stop`, in another thread, does both the other way round.
        self._callbacks.append(callback)
        try:
            if self.reason is not None:
                callback()
            yield
        finally:
            self._callbacks.remove(callback)


# Set for the threads of a run that can be stopped.
STOP_SIGNAL: ContextVar[StopSignal | None] = ContextVar("kedro_asgi_stop", default=None)


def wait_or_stop(seconds: float, *, woken: threading.Event | None = None) -> None:
    """Wait in a thread of a run, at most until ``woken`` is set; raises the reason at once if the run is to stop."""
    stop, woken = STOP_SIGNAL.get(), woken or threading.Event()
    with nullcontext() if stop is None else stop.on_stop(woken.set):
        woken.wait(seconds)
    if stop is not None and stop.reason is not None:
        raise stop.reason
