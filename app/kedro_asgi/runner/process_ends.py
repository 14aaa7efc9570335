"""The end of a child process, as its parent waits for it."""

import time
from multiprocessing.process import BaseProcess

BEFORE_JOIN = 100
"""The priority of a finalizer that is called before the interpreter waits for all child processes."""

SHUTDOWN_SECONDS = 5.0
"""How long a process that was asked to end may do what libraries do at the end of a process."""

_EXIT_CODE_SECONDS = 0.5


def ends_soon(process: BaseProcess) -> bool:
    """Wait a moment for the end of a process whose pipe has ended; false if only its pipe has."""
    # Not by joining: code that closes the pipe may have closed what tells of the end, too.
    until = time.monotonic() + _EXIT_CODE_SECONDS
    while process.exitcode is None and time.monotonic() < until:
        time.sleep(0.001)
    return process.exitcode is not None


def wait_for_exit_code(process: BaseProcess) -> int | None:
    """Wait for the end of a process that is about to end, and return its exit code; ``None`` if it is unknown."""
    process.join(SHUTDOWN_SECONDS)
    # A thread that starts a process polls all others, and may not have stored the exit code of this one yet.
    ends_soon(process)
    return process.exitcode
