"""Read the query parameters and headers of requests."""

import re
from datetime import UTC, datetime
from typing import get_args

from starlette.requests import Request

from kedro_asgi.dispatch.event_feed import read_position
from kedro_asgi.runs import RunQuery, RunStatus, is_run_id
from kedro_asgi.server.problems import InvalidQueryError

_MAX_WAIT_SECONDS = 600.0
_MAX_LIMIT = 1000
_MAX_DIGITS = 19
_LIST_PARAMETERS = ("status", "pipeline", "label", "since", "limit", "cursor")
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d+(?:\.\d+)?)\"?", re.IGNORECASE)


def wait_seconds(request: Request) -> float:
    """Return how long to wait for the end of a run, from ``?wait=10`` or ``Prefer: wait=10``; 0 without either."""
    text = request.query_params.get("wait")
    if text is None:
        preferred = _PREFER_WAIT.search(request.headers.get("prefer", ""))
        text = preferred[1] if preferred else "0"
    return min(_number("wait", text), _MAX_WAIT_SECONDS)


def run_query(request: Request) -> RunQuery:
    """Return the filters of a list of runs."""
    query = request.query_params
    if unknown := sorted(set(query) - set(_LIST_PARAMETERS)):
        raise InvalidQueryError(
            f"'{unknown[0]}' is unknown; the parameters of a list are {', '.join(_LIST_PARAMETERS)}."
        )
    status: RunStatus | None = next((known for known in get_args(RunStatus) if known == query.get("status")), None)
    if status is None and "status" in query:
        raise InvalidQueryError(f"'status' must be one of {', '.join(get_args(RunStatus))}, not '{query['status']}'.")
    return RunQuery(
        status=status,
        pipeline=query.get("pipeline"),
        labels=dict(_label(text) for text in query.getlist("label")),
        since=_datetime("since", query["since"]) if "since" in query else None,
        limit=min(_whole("limit", query.get("limit", "50"), at_least=1), _MAX_LIMIT),
        cursor=_cursor(query["cursor"]) if "cursor" in query else None,
    )


def last_sequence(request: Request) -> int:
    """Return the number of the last event of a run that the client has received; 0 for none."""
    name, text = _last_event(request)
    return _whole(name, text or "0", at_least=0)


def last_position(request: Request) -> str | None:
    """Return the position of the last event of all runs that the client has received."""
    name, text = _last_event(request)
    try:
        return text if text is None or read_position(text) else None
    except ValueError as error:
        raise InvalidQueryError(f"'{name}' is not a position: '{text}'.") from error


def _last_event(request: Request) -> tuple[str, str | None]:
    """Return the name of the header or parameter that names the last event, and its value."""
    if header := request.headers.get("last-event-id"):
        return "Last-Event-ID", header
    return "after", request.query_params.get("after") or None


def _cursor(text: str) -> str:
    if not is_run_id(text):
        raise InvalidQueryError(f"'cursor' must come from an earlier page, not '{text}'.")
    return text


def _label(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise InvalidQueryError(f"'label' must be of the form name=value, not '{text}'.")
    return name, value


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise InvalidQueryError(f"'{name}' must be a number from 0, not '{text}'.")
    return number


def _whole(name: str, text: str, *, at_least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS and int(text) >= at_least):
        raise InvalidQueryError(f"'{name}' must be a whole number from {at_least}, not '{text}'.")
    return int(text)


def _datetime(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidQueryError(f"'{name}' must be a time such as 2026-11-21T12:00:00Z, not '{text}'.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
