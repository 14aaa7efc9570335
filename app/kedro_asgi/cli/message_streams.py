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
        self._has_ended = False
        self._reading: anyio.CancelScope | None = None

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines of the input, until it ends or `end_input` is called."""
        rest = b""
        while chunk := await self._chunk():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")

    def end_input(self) -> None:
        """End the lines now, as if the other side had closed its output."""
        self._has_ended = True
        if self._reading is not None:
            self._reading.cancel()

    async def _chunk(self) -> bytes:
        """Return the next bytes, or none at the end. The thread of a reader that was cancelled holds up no end."""
        if not self._has_ended:
            with anyio.CancelScope() as self._reading:
                return (await run_in_daemon_thread(partial(Outcome.of, self._read))).value()
        return b""

    def output(self) -> anyio.AsyncFile[str]:
        """Return the output."""
        raw = io.FileIO(self._output, "w", closefd=False)
        return anyio.wrap_file(io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="\n"))

    def _read(self) -> bytes:
        return os.read(self._input, _CHUNK_BYTES)
