"""Signals that reach a whole group of processes: what they end is the parent's business.

Ctrl+C reaches the workers of a program too, and so does SIGTERM from a process manager that signals a whole service. A
server lets its runs end first; where a program is interrupted, it kills the workers that are in its way.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_held() -> Iterator[None]:
    """In the parent: let a process that is started here inherit that signals wait, until it disregards them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It lets signals go on when it starts itself, with the first process.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def disregard_signals() -> None:
    """In a worker: do nothing about signals, but let what nodes start hear of them as usual."""
    for number in _SIGNALS:
        # Not SIG_IGN, which programs that this process starts would inherit.
        signal.signal(number, _do_nothing)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Be there, so that system calls go on."""
