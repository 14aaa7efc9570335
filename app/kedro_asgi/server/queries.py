"""Read the query parameters and headers of requests."""

import re
from datetime import UTC, datetime
from typing import get_args

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request

from kedro_asgi.dispatch.event_feed import read_position
from kedro_asgi.dispatch.stores.notifications import NotificationQuery, is_cursor
from kedro_asgi.events import RunEvent
from kedro_asgi.limits import MAX_EVENT_NUMBER, MAX_LABELS, MAX_PAGE_RUNS, MAX_TIMEOUT_SECONDS, MAX_WAIT_SECONDS
from kedro_asgi.run_ids import is_run_id
from kedro_asgi.runs import RunQuery, RunStatus
from kedro_asgi.server.problems import InvalidQueryError

EVENT_NAMES = frozenset(kind.__name__ for kind in get_args(RunEvent))
_REPEATABLE = ("status", "label")
_LIST_PARAMETERS = ("status", "pipeline", "label", "since", "limit", "cursor")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_PREFER_ASYNC = re.compile(r"(?:^|[,;\s])respond-async(?=$|[,;\s])", re.IGNORECASE)
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d+(?:\.\d+)?)\"?", re.IGNORECASE)


def header(request: Request, name: bytes) -> str | None:
    """Return the first header of that lower-case name; Starlette decodes the names of all headers to find one."""
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), None)


def wait_seconds(request: Request) -> float:
    """Return how long to wait for the end of a run, from ``?wait=10`` or ``Prefer: wait=10``; 0 without either.

    A preference is only that: a longer one is taken as the longest wait.
    """
    if request.scope["query_string"] and "wait" in request.query_params:
        return _number("wait", request.query_params["wait"], at_most=MAX_WAIT_SECONDS)
    preferred = _PREFER_WAIT.search(header(request, b"prefer") or "")
    return min(float(preferred[1]), MAX_WAIT_SECONDS) if preferred else 0.0


def run_timeout_seconds(request: Request) -> float | None:
    """Return the time limit of a run from ``?timeout_seconds=30``: the body of ``/run`` is Kedro's and has none."""
    # Asked first, since reading the parameters costs more than the rest of a request's headers.
    if not request.scope["query_string"] or "timeout_seconds" not in request.query_params:
        return None
    _check_once(request.query_params, "timeout_seconds")
    text = request.query_params["timeout_seconds"]
    seconds = _number("timeout_seconds", text, at_most=MAX_TIMEOUT_SECONDS)
    if seconds == 0:
        raise InvalidQueryError(f"'timeout_seconds' must be more than 0, not '{text}'.")
    return seconds


def cancels_on_hang_up(request: Request, *, default: bool) -> bool:
    """Tell whether a run is cancelled when its client disconnects, from ``?on_hang_up=cancel`` or ``=continue``."""
    # As for the time limit: to read the parameters costs more than the headers.
    if not request.scope["query_string"] or "on_hang_up" not in request.query_params:
        return default
    _check_once(request.query_params, "on_hang_up")
    match request.query_params["on_hang_up"]:
        case "cancel" | "continue" as choice:
            return choice == "cancel"
        case text:
            raise InvalidQueryError(f"'on_hang_up' must be cancel or continue, not '{text}'.")


def prefers_async(request: Request) -> bool:
    """Tell whether the client prefers an answer now to the result later: ``Prefer: respond-async`` (RFC 7240)."""
    return _PREFER_ASYNC.search(header(request, b"prefer") or "") is not None


def run_query(request: Request) -> RunQuery | None:
    """Return the filters of a list of runs, or ``None`` for filters that no run can satisfy."""
    query = request.query_params
    _check_names(query)
    texts = query.getlist("label")
    if len(texts) > MAX_LABELS:
        raise InvalidQueryError(f"'label' may be given {MAX_LABELS} times at most, not {len(texts)} times.")
    labels = {_label(text) for text in texts}
    found = RunQuery(
        status=tuple(_status(text) for text in query.getlist("status")),
        pipeline=query.get("pipeline"),
        labels=dict(labels),
        since=_datetime("since", query["since"]) if "since" in query else None,
        limit=_whole("limit", query.get("limit", "50"), at_least=1, at_most=MAX_PAGE_RUNS),
        cursor=_cursor(query["cursor"]) if "cursor" in query else None,
    )
    # A run has one value for each label.
    return found if len(found.labels) == len(labels) else None


def notification_query(request: Request) -> NotificationQuery:
    """Return the filters of a list of notifications."""
    query = request.query_params
    known = NotificationQuery.__struct_fields__
    if unknown := sorted(set(query) - set(known)):
        raise InvalidQueryError(f"'{unknown[0]}' is unknown; the parameters here are {', '.join(known)}.")
    for name in query:
        _check_once(query, name)
    match query.get("state"):
        case None | "pending" | "failed" as state:
            limit = _whole("limit", query.get("limit", "50"), at_least=1, at_most=MAX_PAGE_RUNS)
            cursor = query.get("cursor")
            if cursor is not None and not is_cursor(cursor):
                raise InvalidQueryError(f"'cursor' must come from an earlier page, not '{cursor}'.")
            return NotificationQuery(state=state, webhook=query.get("webhook"), limit=limit, cursor=cursor)
        case text:
            raise InvalidQueryError(f"'state' must be pending or failed, not '{text}'.")


class DrawingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a pipeline to draw; ``run`` is the id of the run that colours it."""

    collapsed: tuple[str, ...] = ()
    with_parameters: bool = True
    run: str | None = None


def drawing_query(request: Request, *, with_run: bool = False) -> DrawingQuery:
    """Return what to draw, from ``?collapse=…&parameters=false``, and ``run=…`` where that is possible."""
    query = request.query_params
    known = ("collapse", "parameters", *(("run",) if with_run else ()))
    if unknown := sorted(set(query) - set(known)):
        raise InvalidQueryError(f"'{unknown[0]}' is unknown; the parameters here are {', '.join(known)}.")
    for name in ("parameters", "run"):
        _check_once(query, name)
    flag = query.get("parameters", "true")
    if flag not in ("true", "false"):
        raise InvalidQueryError(f"'parameters' must be true or false, not '{flag}'.")
    collapsed = tuple(sorted(set(query.getlist("collapse"))))
    return DrawingQuery(collapsed=collapsed, with_parameters=flag == "true", run=query.get("run"))


def _check_names(query: QueryParams) -> None:
    if "wait" in query:
        raise InvalidQueryError("'wait' waits for the end of one run: give it to GET /runs/{run_id} or POST /runs.")
    if unknown := sorted(set(query) - set(_LIST_PARAMETERS)):
        raise InvalidQueryError(
            f"'{unknown[0]}' is unknown; the parameters of a list are {', '.join(_LIST_PARAMETERS)}."
        )
    for name in query:
        if name not in _REPEATABLE:
            _check_once(query, name)


def _check_once(query: QueryParams, name: str) -> None:
    if len(query.getlist(name)) > 1:
        raise InvalidQueryError(f"'{name}' may be given only once.")


def _status(text: str) -> RunStatus:
    status: RunStatus | None = next((known for known in get_args(RunStatus) if known == text), None)
    if status is None:
        raise InvalidQueryError(f"'status' must be one of {', '.join(get_args(RunStatus))}, not '{text}'.")
    return status


def last_sequence(request: Request) -> int:
    """Return the number of the last event of a run that the client has received; 0 for none."""
    numbers = [_whole(name, text, at_least=0, at_most=MAX_EVENT_NUMBER) for name, text in _last_events(request).items()]
    return numbers[0] if numbers else 0


def event_names(request: Request) -> frozenset[bytes]:
    """Return the names of the events that the client wants; empty for all."""
    names = request.query_params.getlist("event")
    if unknown := sorted(set(names) - EVENT_NAMES):
        raise InvalidQueryError(f"'event' must be one of {', '.join(sorted(EVENT_NAMES))}, not '{unknown[0]}'.")
    return frozenset(name.encode() for name in names)


def last_position(request: Request) -> str | None:
    """Return the position of the last event of all runs that the client has received."""
    positions = _last_events(request)
    for name, text in positions.items():
        try:
            read_position(text)
        except ValueError as error:
            raise InvalidQueryError(f"'{name}' is not a position: '{text}'.") from error
    return next(iter(positions.values()), None)


def _last_events(request: Request) -> dict[str, str]:
    """Return what names the last event, by header or parameter; the header, which is newer, comes first."""
    given = {"Last-Event-ID": request.headers.get("last-event-id"), "after": request.query_params.get("after")}
    return {name: text for name, text in given.items() if text is not None}


def _cursor(text: str) -> str:
    if not is_run_id(text):
        raise InvalidQueryError(f"'cursor' must come from an earlier page, not '{text}'.")
    return text


def _label(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise InvalidQueryError(f"'label' must be of the form name=value, not '{text}'.")
    return name, value


def _number(name: str, text: str, *, at_most: int) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else -1.0
    if not 0 <= number <= at_most:
        raise InvalidQueryError(f"'{name}' must be a number from 0 to {at_most}, not '{text}'.")
    return number


def _whole(name: str, text: str, *, at_least: int, at_most: int) -> int:
    # Python limits the digits of an integer, so the length comes first.
    is_whole = text.isascii() and text.isdigit() and len(text) <= len(str(at_most))
    if not (is_whole and at_least <= int(text) <= at_most):
        raise InvalidQueryError(f"'{name}' must be a whole number from {at_least} to {at_most}, not '{text}'.")
    return int(text)


def _datetime(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidQueryError(f"'{name}' must be a time such as 2026-11-21T12:00:00Z, not '{text}'.") from error
    try:
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        # The first or the last day of the calendar, in another time zone.
        return found.replace(tzinfo=UTC)
