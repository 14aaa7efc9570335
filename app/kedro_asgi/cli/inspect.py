"""``kedro-asgi inspect``: show the pipelines, datasets and parameters of a project."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.options import Params, conf_source_option, env_option, project_argument
from kedro_asgi.cli.output import format_option
from kedro_asgi.cli.tables import columns
from kedro_asgi.encoding import encode_json
from kedro_asgi.inspection import inspect_project
from kedro_asgi.plan import Planner
from kedro_asgi.project_check import find_problems
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.session.run_check import run_problem
from kedro_asgi.snapshots import ProjectSnapshot


@click.command()
@project_argument
@format_option
@click.option("--params", type=Params(), default=dict, help="Runtime parameters: key=value,nested.key=value")
@env_option
@conf_source_option
def inspect(
    project_path: Path, output_format: str, params: dict[str, Any], env: str | None, conf_source: str | None
) -> None:
    """Show the pipelines, datasets and parameters of the project at PATH, without running it.

    The command exits with code 1 and names the reason if a pipeline cannot be imported, a dataset cannot be made, or a
    schedule is at fault. It also says why a pipeline that should be batched is not.
    """
    with one_line_errors():
        session = KedroServiceSession.create(project_path=project_path, env=env, conf_source=conf_source)
        snapshot = inspect_project(session.engine.planner, params)
        problems = [*find_problems(session.engine.planner).lines(), *_schedule_problems(session.engine.planner)]
        batching = _batching(session.engine.planner)
    if output_format == "json":
        click.echo(encode_json(snapshot, fallback=str, indent=2).decode())
    else:
        click.echo("\n\n".join([_table(snapshot), *([columns(("BATCHED", "STATE"), batching)] if batching else ())]))
    if problems:
        raise click.ClickException("\n".join(["Runs will fail:", *(f"  {line}" for line in problems)]))


def _batching(planner: Planner) -> list[tuple[str, str]]:
    """Return each pipeline whose requests a server is to join, and why it does not."""
    options = planner.project.options.batching
    if not options:
        return []
    # Few projects have batched pipelines, and what checks them is the server's.
    from kedro_asgi.dispatch.batching.check import batching_problem

    return [
        (name, f"refused: {problem}" if (problem := batching_problem(planner, name, found)) else "batched")
        for name, found in options.items()
    ]


def _schedule_problems(planner: Planner) -> Iterator[str]:
    """Yield what is wrong with the schedules; raises `ProjectError` for one that cannot be read."""
    if planner.project.options.schedules:
        # Few projects have schedules, and what reads them is the server's.
        from kedro_asgi.server.served_schedules import read_schedules

        for schedule in read_schedules(planner.project):
            if (problem := run_problem(planner, schedule.order.spec)) is not None:
                yield f"schedule '{schedule.name}': {problem}"


def _table(snapshot: ProjectSnapshot) -> str:
    metadata = snapshot.metadata
    nodes = [
        (pipeline.name, node.name, ", ".join(node.inputs), ", ".join(node.outputs))
        for pipeline in snapshot.pipelines
        for node in pipeline.nodes
    ]
    datasets = [(dataset.name, dataset.type, dataset.filepath or "") for dataset in snapshot.datasets.values()]
    return "\n\n".join(
        [
            f"{metadata.project_name} (package {metadata.package_name}, Kedro {metadata.kedro_version})",
            columns(("PIPELINE", "NODE", "INPUTS", "OUTPUTS"), nodes),
            columns(("DATASET", "TYPE", "FILEPATH"), datasets),
            f"PARAMETERS\n{', '.join(snapshot.parameters) or 'none'}",
        ]
    )
