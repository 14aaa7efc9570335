"""The request, the run and the node that a thread or a task works for, so that its log lines can name them."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from kedro_asgi.current_request import CURRENT_REQUEST
from kedro_asgi.reserved_names import shown_pipelines
from kedro_asgi.trace_context import current_trace_ids

#: The id and the pipelines of the run, and the name of the node, that code of this context works for. Code that sets
#: one resets it; threads that copy the context inherit both.
CURRENT_RUN: ContextVar[tuple[str, Sequence[str]] | None] = ContextVar("kedro_asgi_current_run", default=None)
CURRENT_NODE: ContextVar[str | None] = ContextVar("kedro_asgi_current_node", default=None)

_FACTS = "_kedro_asgi_log_facts"
_UNKNOWN: Mapping[str, Any] = {"request_id": None, "trace_id": None, "span_id": None}


class RunContextFilter(logging.Filter):
    """Gives each record ``run_id``, ``pipeline``, ``node``, ``request_id``, ``trace_id`` and ``span_id``.

    An unknown one is ``None``. Lets every record pass.
    ``run_prefix`` is text to put before a message: ``[run_id node] ``, or nothing; with a trace, also its id.
    Add the filter to a handler: filters of loggers do not see the records of other loggers.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "run_prefix"):
            record.__dict__.update({**_UNKNOWN, **_facts_of(record)})
        elif "request_id" not in record.__dict__:
            _add_request(record)
        return True


def run_facts(
    run_id: str,
    pipeline_names: Sequence[str] | None = None,
    *,
    node: str | None = None,
    trace_id: str | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Return the ``extra`` of a log line whose message says which run it is about, or where no run is current."""
    run = CURRENT_RUN.get()
    around = current_facts() if run is not None and run[0] == run_id else {}
    if trace_id is not None and around.get("trace_id") != trace_id:
        around = {"trace_id": trace_id}
    if request_id is not None:
        around["request_id"] = request_id
    names = run[1] if run is not None and pipeline_names is None else pipeline_names
    pipeline = None if names is None else shown_pipelines(names)
    return {"run_id": run_id, "pipeline": pipeline, "node": node, "run_prefix": _prefix(around), **around}


def current_facts() -> dict[str, Any]:
    """Return what is known of the request and the trace that code of this context works for."""
    facts: dict[str, Any] = {}
    if (request := CURRENT_REQUEST.get()) is not None:
        facts["request_id"] = request.id
    if (ids := current_trace_ids()) is not None:
        facts["trace_id"], facts["span_id"] = ids
    return facts


def note_facts(error: BaseException, facts: Mapping[str, Any]) -> None:
    """Remember, for the line that logs ``error`` elsewhere, what it is about."""
    with suppress(AttributeError):
        error.__dict__[_FACTS] = facts


def line_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a line outside of runs."""
    return {"run_prefix": _prefix(facts), **facts}


def _add_request(record: logging.LogRecord) -> None:
    """Add the id of the request to a line about the run of this context, which another process may have made."""
    request, run = CURRENT_REQUEST.get(), CURRENT_RUN.get()
    if request is not None and run is not None and run[0] == record.__dict__.get("run_id"):
        record.request_id = request.id


def _facts_of(record: logging.LogRecord) -> dict[str, Any]:
    run, node, facts = CURRENT_RUN.get(), CURRENT_NODE.get(), current_facts()
    if not facts and record.exc_info and record.exc_info[1] is not None:
        facts = getattr(record.exc_info[1], "__dict__", {}).get(_FACTS, {})
    if "trace_id" in record.__dict__:
        # Another process has made it, in a span of its own.
        facts = {**facts, "trace_id": record.__dict__["trace_id"], "span_id": record.__dict__.get("span_id")}
    if run is None:
        return {"run_id": None, "pipeline": None, "node": None, "run_prefix": _prefix(facts), **facts}
    run_id, pipeline_names = run
    prefix = _prefix(facts, f"{run_id} {node}" if node else run_id)
    return {"run_id": run_id, "pipeline": shown_pipelines(pipeline_names), "node": node, "run_prefix": prefix, **facts}


def _prefix(facts: Mapping[str, Any], run: str = "") -> str:
    trace = f"trace={facts['trace_id']}" if "trace_id" in facts else ""
    text = f"{run} {trace}".strip()
    return f"[{text}] " if text else ""
