"""The facts that an exception holds: the node that failed, the place in the user's code, and the causes."""

import linecache
import os
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import msgspec

from kedro_asgi.encoding import escape_surrogates
from kedro_asgi.errors import describe_error
from kedro_asgi.errors.wording import bounded, indented, one_line
from kedro_asgi.redaction import redact
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runs import ErrorCause, ErrorDetail, ErrorFrame

MAX_CHARACTERS = 8192
_MAX_CAUSES = 8
# The innermost frames of an error.
_MAX_FRAMES = 12
_MAX_CODE_CHARACTERS = 200
# A URL that begins within the limit is redacted as a whole.
_LOOKAHEAD = 2048

_PACKAGE = str(Path(__file__).parent)
_LIBRARIES = (_PACKAGE, os.path.dirname(os.__file__), "<frozen")
_SITE_PACKAGES = ("site-packages", "dist-packages")
# The modules that call a node's function, which may be installed like a library.
_CALLERS = (f"{_PACKAGE}/pipeline/", f"{_PACKAGE}/runner/async_nodes", f"{_PACKAGE}/runner/task")

# What Python itself writes between two errors.
_DIRECT_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"

_FACTS = "_kedro_asgi_failure"


class _Facts(msgspec.Struct, kw_only=True):
    """Facts about an exception besides itself, in the run that raised it last.

    ``remote`` was described in another process. ``resume_from`` names the nodes from which a new run can go on.
    ``is_last_attempt``: the node cannot be tried again.
    """

    node: str | None = None
    run: object = None
    resume_from: tuple[str, ...] = ()
    remote: ErrorDetail | None = None
    is_last_attempt: bool = False


def note_node(error: BaseException, name: str) -> None:
    """Remember that ``error`` is the failure of a node; of the nodes of one run, the first stays."""
    facts = _facts(error)
    run = CURRENT_RUN.get()
    # A project may raise the same object in each run.
    if facts is not None and (facts.node is None or facts.run is not run):
        facts.node, facts.run = name, run


def note_resumption(error: BaseException, names: Iterable[str]) -> None:
    """Remember from which nodes a new run does what ``error`` has left undone."""
    facts = _facts(error)
    if facts is not None:
        facts.resume_from = tuple(names)


def nodes_to_resume_from(error: BaseException) -> tuple[str, ...]:
    """Return the names that `note_resumption` has remembered."""
    facts: _Facts | None = getattr(error, "__dict__", {}).get(_FACTS)
    return () if facts is None else facts.resume_from


def note_remote(error: BaseException, detail: ErrorDetail) -> None:
    """Remember what another process, which raised ``error``, knows of it."""
    facts = _facts(error)
    if facts is not None:
        facts.remote = detail


def note_last_attempt(error: BaseException) -> None:
    """Remember that the node that raised ``error`` cannot be tried again."""
    facts = _facts(error)
    if facts is not None:
        facts.is_last_attempt = True


def is_last_attempt(error: BaseException) -> bool:
    """Whether `note_last_attempt` has remembered that of ``error``."""
    facts: _Facts | None = getattr(error, "__dict__", {}).get(_FACTS)
    return facts is not None and facts.is_last_attempt


def is_of_node(error: BaseException) -> bool:
    """Whether ``error`` is the failure of a node."""
    facts: _Facts | None = getattr(error, "__dict__", {}).get(_FACTS)
    return facts is not None and facts.node is not None


def describe_cause(error: BaseException) -> ErrorCause:
    """Describe ``error`` alone, in a bounded text without credentials."""
    kind, message = describe_error(error)
    return ErrorCause(type=kind, message=shown(message))


def describe_failure(error: BaseException) -> ErrorDetail:
    """Describe ``error`` for the outside: by Kedro's name, without credentials, and in bounded texts (SRV-29)."""
    facts: _Facts = getattr(error, "__dict__", {}).get(_FACTS) or _Facts()
    main = _describe(error)
    causes = tuple(_describe(cause) for cause in _causes(error))
    if facts.remote is not None:
        main = msgspec.structs.replace(main, file=facts.remote.file, line=facts.remote.line, frames=facts.remote.frames)
        causes = facts.remote.causes
    # An error of a dataset is ours, and its cause is raised in the dataset's code.
    placed = next((found for found in (main, *causes) if found.file is not None), main)
    main = msgspec.structs.replace(main, file=placed.file, line=placed.line)
    return ErrorDetail(**msgspec.structs.asdict(main), node=facts.node, causes=causes, resume_from=facts.resume_from)


def with_code(detail: ErrorDetail) -> ErrorDetail:
    """Return the description with the lines of code of its frames, which this reads from their files."""
    causes = tuple(msgspec.structs.replace(cause, frames=_with_code(cause.frames)) for cause in detail.causes)
    return msgspec.structs.replace(detail, frames=_with_code(detail.frames), causes=causes)


def _with_code(frames: Iterable[ErrorFrame]) -> tuple[ErrorFrame, ...]:
    return tuple(msgspec.structs.replace(frame, code=_code(frame)) for frame in frames)


def _code(frame: ErrorFrame) -> str | None:
    line = linecache.getline(frame.file, frame.line).strip()
    return escape_surrogates(bounded(redact(line), _MAX_CODE_CHARACTERS)) if line else None


def shown(text: str) -> str:
    """Return ``text`` for a record or an event: without credentials, valid Unicode, and bounded."""
    head = redact(text[: MAX_CHARACTERS + _LOOKAHEAD])
    left_out = max(0, len(text) - MAX_CHARACTERS - _LOOKAHEAD)
    return escape_surrogates(bounded(head, MAX_CHARACTERS, left_out=left_out))


def folded_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` and its causes, which begins at the user's frames and leaves ours out."""
    return redact("\n".join(_traceback_lines(error, seen=set())))


def full_traceback(error: BaseException) -> str:
    """Return the whole traceback of ``error``."""
    return redact("".join(traceback.format_exception(error)))


class RemoteTraceback(Exception):
    """Shows where an error was raised in another process; ``folded`` is that without our frames."""

    def __init__(self, trace: str, folded: str) -> None:
        super().__init__(trace, folded)
        self.folded = folded

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def place_text(detail: ErrorDetail | ErrorCause) -> str:
    """Return the node and the place of an error in brackets, to follow its message; nothing if neither is known."""
    node = f"node '{detail.node}'" if isinstance(detail, ErrorDetail) and detail.node is not None else ""
    place = f"{detail.file}, line {detail.line}" if detail.file is not None else ""
    known = ", ".join(filter(None, (node, place)))
    return f" ({known})" if known else ""


def failure_sentence(error: BaseException) -> str:
    """Return one line: the error, its place in the user's code, and the cause that the user has to fix."""
    detail = describe_failure(error)
    # The message of a SyntaxError says its place.
    place = "" if isinstance(error, SyntaxError) else one_line(place_text(detail))
    return f"{_named(detail)}{place}{_cause_sentence(error, detail)}"


def _named(error: ErrorCause) -> str:
    return f"{error.type}: {one_line(' '.join(error.message.split()))}"


def _cause_sentence(error: BaseException, detail: ErrorDetail) -> str:
    """Return the first cause of a failed import, since that is often the error that the user has to fix.

    Of any other error, return the first cause in the user's code.
    """
    for cause in reversed(detail.causes):
        is_told = isinstance(error, ImportError) or cause.file is not None
        if is_told and cause.message not in detail.message:
            return f" Cause: {_named(cause)}{'' if isinstance(error, ImportError) else one_line(place_text(cause))}"
    return ""


def _facts(error: BaseException) -> _Facts | None:
    with suppress(AttributeError, TypeError):
        facts: _Facts = error.__dict__.setdefault(_FACTS, _Facts())
        return facts
    return None


def _describe(error: BaseException) -> ErrorCause:
    kind, message = describe_error(error)
    frames = _user_frames(error)
    file, line = _place(error, frames)
    return ErrorCause(type=kind, message=shown(message), file=file, line=line, frames=frames)


def _place(error: BaseException, frames: tuple[ErrorFrame, ...]) -> tuple[str | None, int | None]:
    """Return the file and the line of the innermost frame of the user's code."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    return (frames[-1].file, frames[-1].line) if frames else (None, None)


def _user_frames(error: BaseException) -> tuple[ErrorFrame, ...]:
    """Return the innermost frames of the user's code, without their lines of code."""
    frames = [
        ErrorFrame(file=frame.f_code.co_filename, line=line, function=frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    users = [frame for frame in frames if not is_library(frame.file)]
    if not users:
        # The function of a node is the user's, also where it is installed like a library.
        called = [after for before, after in pairwise(frames) if before.file.startswith(_CALLERS)]
        users = [frame for frame in called if not frame.file.startswith(_LIBRARIES)]
    return tuple(users[-_MAX_FRAMES:])


def is_library(file: str) -> bool:
    """Whether a file of code is ours, Python's or an installed library's."""
    return file.startswith(_LIBRARIES) or any(folder in file for folder in _SITE_PACKAGES)


def _causes(error: BaseException) -> list[BaseException]:
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


def _cause(error: BaseException) -> BaseException | None:
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    return None if isinstance(cause, RemoteTraceback) else cause


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


def fold_traces(error: BaseException) -> None:
    """Drop from ``error``, its causes and the errors within a group what `folded_traceback` leaves out."""
    for found in (error, *_causes(error)):
        later: TracebackType | None = None
        for entry in reversed(_shown(found.__traceback__)):
            later = TracebackType(later, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        if later is not None:
            found.__traceback__ = later


def _shown(trace: TracebackType | None) -> list[TracebackType]:
    """Return the entries of a traceback from the user's first one on, without ours."""
    entries: list[TracebackType] = []
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    files = [entry.tb_frame.f_code.co_filename for entry in entries]
    first_user = next((n for n, file in enumerate(files) if not is_library(file)), 0)
    later = zip(entries[first_user:], files[first_user:], strict=True)
    return [entry for entry, file in later if not file.startswith(_PACKAGE)]
