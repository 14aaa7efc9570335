"""``kedro-asgi inspect``: what a project registers and configures."""

from pathlib import Path
from typing import Any

import click
import msgspec

from kedro_asgi.cli.failure import one_line_errors
from kedro_asgi.cli.options import Params, conf_source_option, env_option, project_argument
from kedro_asgi.cli.tables import columns
from kedro_asgi.inspection import inspect_project
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.snapshots import ProjectSnapshot


@click.command()
@project_argument
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--params", type=Params(), default=dict, help="Runtime parameters: key=value,nested.key=value")
@env_option
@conf_source_option
def inspect(project_path: Path, form: str, params: dict[str, Any], env: str | None, conf_source: str | None) -> None:
    """Show pipelines, datasets and parameters of the project at PATH without running anything."""
    with one_line_errors():
        session = KedroServiceSession.create(project_path=project_path, env=env, conf_source=conf_source)
        snapshot = inspect_project(session.engine.planner, params)
    click.echo(_json(snapshot) if form == "json" else _table(snapshot))


def _json(snapshot: ProjectSnapshot) -> str:
    return msgspec.json.format(msgspec.json.encode(snapshot, enc_hook=str), indent=2).decode()


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
