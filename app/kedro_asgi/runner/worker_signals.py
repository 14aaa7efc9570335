"""Signals that reach a whole group of processes: the parent decides what they end.

Ctrl+C reaches the workers of a program too, and so does SIGTERM from a process manager that signals a whole service. A
server lets its runs end first; an interrupted program kills the workers that it waits for.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """In the parent: let a process that starts in this block inherit blocked signals, until it ignores them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # The tracker starts with the first process, and unblocks signals then.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals() -> None:
    """In a worker: ignore signals, but let the programs that nodes start receive them as usual."""
    for number in _SIGNALS:
        # Programs that this process starts would inherit SIG_IGN.
        signal.signal(number, _do_nothing)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """A handler, unlike SIG_IGN, lets system calls go on and is not inherited."""
