"""Standard input and output as streams of messages, which nothing else of the process reads or writes."""

import io
import os
from collections.abc import AsyncIterator
from functools import partial

import anyio

from kedro_asgi.outcome import Outcome
from kedro_asgi.session.daemon_thread import run_in_daemon_thread

_CHUNK_BYTES = 64 * 1024


class MessageStreams:
    """The standard input and output that the process began with.

    From now on, the process has an empty standard input, and what it prints goes to standard error: that of nodes,
    of the project's modules, of libraries in C, and of processes that they start.
    """

    def __init__(self) -> None:
        self._input, self._output = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        try:
            os.dup2(2, 1)
        except OSError:  # there is no standard error
            os.dup2(nothing, 1)
        os.close(nothing)

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines of the input. A reader that is cancelled leaves its thread, which holds up no end."""
        rest = b""
        while chunk := (await run_in_daemon_thread(partial(Outcome.of, self._read))).value():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")

    def output(self) -> anyio.AsyncFile[str]:
        """Return the output."""
        raw = io.FileIO(self._output, "w", closefd=False)
        return anyio.wrap_file(io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="\n"))

    def _read(self) -> bytes:
        return os.read(self._input, _CHUNK_BYTES)
