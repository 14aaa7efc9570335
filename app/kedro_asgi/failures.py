"""The facts that an exception holds: the node that failed, the place in the user's code, and the causes."""

import linecache
import traceback
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

import msgspec

from kedro_asgi.encoding import escape_surrogates
from kedro_asgi.errors import describe_error
from kedro_asgi.errors.wording import bounded, one_line
from kedro_asgi.redaction import redact
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runs import ErrorCause, ErrorDetail, ErrorFrame
from kedro_asgi.tracebacks import LIBRARIES, PACKAGE, causes_of, is_library

MAX_CHARACTERS = 8192
# The innermost frames of an error.
_MAX_FRAMES = 12
_MAX_CODE_CHARACTERS = 200
# A URL that begins within the limit is redacted as a whole.
_LOOKAHEAD = 2048

# The modules that call a node's function, which may be installed like a library.
_CALLERS = (f"{PACKAGE}/pipeline/", f"{PACKAGE}/runner/async_nodes", f"{PACKAGE}/runner/task")

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
    facts = _known_facts(error)
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
    facts = _known_facts(error)
    return facts is not None and facts.is_last_attempt


def is_of_node(error: BaseException) -> bool:
    """Whether ``error`` is the failure of a node."""
    facts = _known_facts(error)
    return facts is not None and facts.node is not None


def describe_cause(error: BaseException) -> ErrorCause:
    """Describe ``error`` alone, in a bounded text without credentials."""
    kind, message = describe_error(error)
    return ErrorCause(type=kind, message=shown(message))


def describe_failure(error: BaseException) -> ErrorDetail:
    """Describe ``error`` for the outside: by Kedro's name, without credentials, and in bounded texts (SRV-29)."""
    facts = _known_facts(error) or _Facts()
    main = _describe(error)
    causes = tuple(_describe(cause) for cause in causes_of(error))
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


def _known_facts(error: BaseException) -> _Facts | None:
    facts: _Facts | None = getattr(error, "__dict__", {}).get(_FACTS)
    return facts


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
        users = [frame for frame in called if not frame.file.startswith(LIBRARIES)]
    return tuple(users[-_MAX_FRAMES:])
