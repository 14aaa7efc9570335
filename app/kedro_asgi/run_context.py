"""The run and the node that a thread or a task works for, so that its log lines can name them."""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

#: The id and the pipelines of the run, and the name of the node, that code of this context works for. Code that sets
#: one resets it; threads that copy the context inherit both.
CURRENT_RUN: ContextVar[tuple[str, Sequence[str]] | None] = ContextVar("kedro_asgi_current_run", default=None)
CURRENT_NODE: ContextVar[str | None] = ContextVar("kedro_asgi_current_node", default=None)


class RunContextFilter(logging.Filter):
    """Gives each record the attributes ``run_id``, ``pipeline`` and ``node``, and lets every record pass.

    Outside of a run they are ``None``. ``run_prefix`` is text to put before a message: ``[run_id node] ``, or nothing.
    Add the filter to a handler: filters of loggers do not see the records of other loggers.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "run_prefix"):
            record.__dict__.update(_current_facts())
        return True


def run_facts(run_id: str, pipeline_names: Sequence[str] | None = None, *, node: str | None = None) -> dict[str, Any]:
    """Return the ``extra`` of a log line whose message says which run it is about, or where no run is current."""
    run = CURRENT_RUN.get()
    names = run[1] if run is not None and pipeline_names is None else pipeline_names
    return {"run_id": run_id, "pipeline": None if names is None else _joined(names), "node": node, "run_prefix": ""}


def _current_facts() -> dict[str, str | None]:
    run, node = CURRENT_RUN.get(), CURRENT_NODE.get()
    if run is None:
        return {"run_id": None, "pipeline": None, "node": None, "run_prefix": ""}
    run_id, pipeline_names = run
    prefix = f"[{run_id} {node}] " if node else f"[{run_id}] "
    return {"run_id": run_id, "pipeline": _joined(pipeline_names), "node": node, "run_prefix": prefix}


def _joined(pipeline_names: Sequence[str]) -> str:
    return ", ".join(pipeline_names) or "__default__"
