"""Tracebacks of errors and their causes: whole, or from the user's frames on and without ours."""

import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from kedro_asgi.errors.wording import indented
from kedro_asgi.redaction import redact

PACKAGE = str(Path(__file__).parent)
LIBRARIES = (PACKAGE, os.path.dirname(os.__file__), "<frozen")
_SITE_PACKAGES = ("site-packages", "dist-packages")
_MAX_CAUSES = 8

# The lines that Python itself writes between two errors.
_DIRECT_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


class RemoteTraceback(Exception):
    """Shows where an error was raised in another process; ``folded`` is that without our frames."""

    def __init__(self, trace: str, folded: str) -> None:
        super().__init__(trace, folded)
        self.folded = folded

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def folded_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` and its causes, which begins at the user's frames and leaves ours out."""
    return redact("\n".join(_traceback_lines(error, seen=set())))


def full_traceback(error: BaseException) -> str:
    """Return the whole traceback of ``error``."""
    return redact("".join(traceback.format_exception(error)))


def fold_traces(error: BaseException) -> None:
    """Drop from ``error``, its causes and the errors within a group what `folded_traceback` leaves out."""
    for found in (error, *causes_of(error)):
        later: TracebackType | None = None
        for entry in reversed(_shown(found.__traceback__)):
            later = TracebackType(later, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        if later is not None:
            found.__traceback__ = later


def is_library(file: str) -> bool:
    """Whether a file of code is ours, Python's or an installed library's."""
    return file.startswith(LIBRARIES) or any(folder in file for folder in _SITE_PACKAGES)


def causes_of(error: BaseException) -> list[BaseException]:
    """Return the causes of ``error``, from the nearest to the first, and the errors within a group."""
    found: list[BaseException] = []
    waiting = _next_causes(error)
    while waiting and len(found) < _MAX_CAUSES:
        cause = waiting.pop(0)
        if cause is not error and all(cause is not known for known in found):
            found.append(cause)
            waiting += _next_causes(cause)
    return found


def _next_causes(error: BaseException) -> list[BaseException]:
    members = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    cause = _cause(error)
    return members if cause is None else [*members, cause]


def _cause(error: BaseException) -> BaseException | None:
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    return None if isinstance(cause, RemoteTraceback) else cause


def _traceback_lines(error: BaseException, *, seen: set[int]) -> Iterator[str]:
    """Yield the lines of the first cause, then those of the error that it led to, and so on to ``error``."""
    # Without recursion: code that tries again and again makes chains that are longer than the stack may be deep.
    chain = [error]
    seen.add(id(error))
    while (cause := _cause(chain[-1])) is not None and id(cause) not in seen:
        seen.add(id(cause))
        chain.append(cause)
    while chain:
        yield from _own_lines(chain.pop(), seen=seen)
        if chain:
            yield from ("", _DIRECT_CAUSE if chain[-1].__cause__ is not None else _CONTEXT, "")


def _own_lines(error: BaseException, *, seen: set[int]) -> Iterator[str]:
    """Yield the lines of ``error`` without its causes, and those of the errors in a group."""
    if isinstance(error.__cause__, RemoteTraceback):
        yield error.__cause__.folded  # ends with the error itself
        return
    yield from _frame_lines(error.__traceback__)
    # The set keeps it from visiting all causes, for each error of the chain again; Python 3.13 then lacks the members.
    alone = traceback.TracebackException(type(error), error, None, _seen=set())
    alone.exceptions = None
    yield indented("".join(alone.format_exception_only()).rstrip("\n"))
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(member) not in seen:
            yield from (f"    {line}" for part in _traceback_lines(member, seen=seen) for line in part.split("\n"))


def _frame_lines(trace: TracebackType | None) -> Iterator[str]:
    kept = [(found.tb_frame, found.tb_lineno) for found in _shown(trace)]
    if not kept:
        return
    hidden = sum(1 for _ in traceback.walk_tb(trace)) - len(kept)
    yield f"Traceback (most recent call last{f'; {hidden} frames of kedro-asgi left out' if hidden else ''}):"
    yield "".join(traceback.StackSummary.extract(iter(kept)).format()).rstrip("\n")


def _shown(trace: TracebackType | None) -> list[TracebackType]:
    """Return the entries of a traceback from the user's first one on, without ours."""
    entries: list[TracebackType] = []
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    files = [entry.tb_frame.f_code.co_filename for entry in entries]
    first_user = next((n for n, file in enumerate(files) if not is_library(file)), 0)
    later = zip(entries[first_user:], files[first_user:], strict=True)
    return [entry for entry, file in later if not file.startswith(PACKAGE)]
