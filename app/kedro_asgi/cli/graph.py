"""``kedro-asgi graph``: draw a pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import anyio
import click

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.options import conf_source_option, env_option, names_option, project_folder
from kedro_asgi.cli.output import write_output
from kedro_asgi.cli.runs import DEFAULT_URL, open_client, token_option
from kedro_asgi.graph import Layout, PipelineGraph, ProjectGraphs, draw_svg, write_mermaid
from kedro_asgi.node_runs import NodeState, state_of_each
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import FINAL
from kedro_asgi.session import KedroServiceSession

_FORMATS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}


@click.command()
@click.argument("pipeline", default=DEFAULT_PIPELINE)
@click.option(
    "--project",
    "project_path",
    metavar="PATH",
    type=click.Path(path_type=Path),
    callback=lambda context, parameter, value: project_folder(value),
    help="Project; the default is the one around the working directory.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File; the default is standard output."
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["svg", "mermaid"]),
    help="The default follows from the name of the file (.svg, .mmd), else it is svg.",
)
@names_option("--collapse", help="Draw the nodes of each of these namespaces as one box.")
@click.option("--no-parameters", is_flag=True, help="Leave parameters out.")
@click.option("--run", "run_id", metavar="RUN_ID", help="Colour nodes by their state in this run of the server.")
@click.option(
    "--url", envvar="KEDRO_ASGI_URL", help=f"URL of the server, to which an SVG then links; for --run {DEFAULT_URL}."
)
@token_option
@env_option
@conf_source_option
def graph(
    pipeline: str,
    project_path: Path,
    output: Path | None,
    output_format: str | None,
    collapse: list[str],
    no_parameters: bool,
    run_id: str | None,
    url: str | None,
    token: str | None,
    env: str | None,
    conf_source: str | None,
) -> None:
    """Draw PIPELINE, by default __default__, as SVG or in the language of Mermaid; runs nothing."""
    chosen = output_format or _format_of(output)
    with one_line_errors():
        session = KedroServiceSession.create(project_path=project_path, env=env, conf_source=conf_source)
        graphs = ProjectGraphs(session.engine.planner)
        found = graphs.graph(pipeline)
        drawn: dict[str, Any] = {"collapsed": tuple(collapse), "with_parameters": not no_parameters}
        states = {} if run_id is None else anyio.run(_read_states, found, run_id, url or DEFAULT_URL, token)
        if chosen == "mermaid":
            text = write_mermaid(graphs.drawing(pipeline, **drawn), states=states)
        else:
            layout = graphs.layout(pipeline, **drawn)
            text = draw_svg(found, layout, states=states, links=_links(layout, pipeline, url) if url else {})
        write_output(text, output)


def _format_of(output: Path | None) -> str:
    if output is None:
        return "svg"
    if output.suffix.lower() not in _FORMATS:
        raise click.BadParameter(f"'{output}' ends with none of {', '.join(_FORMATS)}: give a --format.")
    return _FORMATS[output.suffix.lower()]


async def _read_states(graph: PipelineGraph, run_id: str, url: str, token: str | None) -> Mapping[str, NodeState]:
    async with open_client(url, token=token) as client:
        run = await client.nodes(run_id)
    return state_of_each((node.name for node in graph.nodes), run.nodes, has_ended=run.status in FINAL)


def _links(layout: Layout, pipeline: str, url: str) -> dict[str, str]:
    page = f"{url.rstrip('/')}/dashboard/#/project/{quote(pipeline, safe='')}"
    return {box.id: f"{page}?{urlencode({'element': box.id})}" for box in layout.boxes}
