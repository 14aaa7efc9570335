"""The run of a session, with its progress on the console."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from kedro_asgi.cli.run_progress import choose_progress
from kedro_asgi.cli.run_state import PlannedNode, RunState
from kedro_asgi.cli.run_summary import echo_summary
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.reserved_names import shown_pipelines
from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import KedroSession


def run_and_show(
    session: KedroSession, *, runner: AbstractRunner, is_quiet: bool, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Run ``session`` with the ``arguments`` of its `run`, show its progress and a table of its nodes.

    Returns what the session returns, and raises what it raises.
    """
    state = RunState(partial(_planned_nodes, session, arguments))
    title = shown_pipelines(arguments["pipeline_names"])
    progress = choose_progress(state, title=title, err=True, is_quiet=is_quiet)
    session.emit = progress.emit
    try:
        with progress.shown():
            return session.run(runner=runner, **arguments)
    except KeyboardInterrupt:
        state.end(is_interrupted=True)
        raise
    finally:
        state.end()
        if not is_quiet:
            # The reader of a pipe may be gone, and a node may have closed the stream.
            with suppress(OSError, ValueError):
                echo_summary(state, err=True)


def _planned_nodes(session: KedroSession, arguments: Mapping[str, Any]) -> list[PlannedNode]:
    """Return the nodes of the run, in order; a session class of the project may run something else than it was told."""
    try:
        plan = session.engine.planner.plan(RunSpec.of(**arguments).slice)
    except KedroAsgiError:
        return []
    return [PlannedNode(name=step.name, namespace=step.node.namespace) for step in plan.pipeline.steps.in_order]
