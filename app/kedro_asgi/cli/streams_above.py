"""Standard output and standard error above a live display of rich."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import IO, TextIO, cast

from rich.console import Console
from rich.file_proxy import FileProxy

from kedro_asgi.cli.tables import is_terminal


class _StreamAbove(FileProxy):
    """Writes lines above the display; of a line that rewrites itself, such as a progress bar, only its last state."""

    def __init__(self, console: Console, file: IO[str]) -> None:
        super().__init__(console, file)
        self._rewrites_line = False

    def write(self, text: str) -> int:
        *ended, rest = text.split("\n")
        self._rewrites_line = "\r" in rest or (self._rewrites_line and not ended)
        super().write(text)
        return len(text)

    def flush(self) -> None:
        if not self._rewrites_line:
            super().flush()

    def end(self) -> None:
        """Write what has not been written: a line without an end."""
        super().flush()


@contextmanager
def streams_above(console: Console) -> Iterator[TextIO]:
    """Let the streams of ``sys`` that are terminals write above the live display of ``console``.

    Yields such a stream for what is not in ``sys``.
    """
    with ExitStack() as stack:
        if is_terminal(sys.stdout):
            stack.enter_context(redirect_stdout(stack.enter_context(_above(console, sys.stdout))))
        if is_terminal(sys.stderr):
            stack.enter_context(redirect_stderr(stack.enter_context(_above(console, sys.stderr))))
        yield stack.enter_context(_above(console, console.file))


@contextmanager
def _above(console: Console, file: IO[str]) -> Iterator[TextIO]:
    stream = _StreamAbove(console, file)
    try:
        # Its type is no `TextIO`, but it has all that one has.
        yield cast("TextIO", stream)
    finally:
        stream.end()
