"""The wait of a supervisor for processes that it has told to end."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from kedro_asgi.cli.server_process import HASTEN, LAST_SECONDS

# How much longer than a process its supervisor waits before it kills the process.
MARGIN_SECONDS = 0.5
_TURN_SECONDS = 0.05


def patience_seconds(grace_seconds: float) -> float:
    """Return how long a process that was told to end may take."""
    return grace_seconds + LAST_SECONDS + MARGIN_SECONDS


def wait_for_ends(processes: Sequence[BaseProcess], *, grace_seconds: float, signals_to_end: Callable[[], int]) -> None:
    """Wait for processes that were told to end; kill those that do not end in time.

    ``signals_to_end`` returns how many signals to end the supervisor has received. The second one reaches the processes
    too and ends their grace.
    """
    ends_at = time.monotonic() + patience_seconds(grace_seconds)
    # A second signal may have come before the processes were told of the first.
    passed_on = min(1, signals_to_end())
    while running := [found for found in processes if found.is_alive()]:
        if passed_on < (received := signals_to_end()):
            passed_on = received
            ends_at = min(ends_at, time.monotonic() + patience_seconds(0.0))
            for found in running:
                send_signal(found, HASTEN)
        if time.monotonic() > ends_at:
            for found in running:
                found.kill()
        wait([found.sentinel for found in running], timeout=_TURN_SECONDS)


def send_signal(process: BaseProcess, number: signal.Signals) -> None:
    """Send a signal to a process; one that has ended needs none."""
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
