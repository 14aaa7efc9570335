"""Tracebacks that begin at the user's frames."""

from types import TracebackType

from kedro_asgi.ipython.shell import Shell
from kedro_asgi.tracebacks import fold_traces


def fold_tracebacks(shell: Shell) -> None:
    """Leave frames of kedro-asgi out of the tracebacks that the shell shows."""
    shell.set_custom_exc((Exception,), _show)


def _show(
    shell: Shell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    fold_traces(error)
    shell.showtraceback((kind, error, error.__traceback__), tb_offset=tb_offset)
