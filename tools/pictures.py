"""Draw the pictures of the documentation, of the starter project: ``make pictures``."""

import tempfile
from pathlib import Path

import anyio

from kedro_asgi.client import AsyncClient
from kedro_asgi.graph import ProjectGraphs, write_mermaid
from kedro_asgi.server import create_http_server
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.starter import write_starter

_FOLDER = Path(__file__).parent.parent / "docs" / "pictures"


async def _draw(project: Path) -> None:
    app = create_http_server(project, store="memory:", dashboard=False)
    async with app.router.lifespan_context(app), AsyncClient(app=app) as client:
        # The first run also imports what later ones have: draw the second.
        await client.run()
        run_id = (await client.run()).run_id
        await _write("graph.svg", await client.graph("train"))
        await _write("timeline.svg", await client.timeline(run_id))


async def _write(name: str, text: str) -> None:
    await anyio.Path(_FOLDER / name).write_text(text.rstrip() + "\n")


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "penguins"
        write_starter(project, project_name="penguins")
        anyio.run(_draw, project)
        graphs = ProjectGraphs(KedroServiceSession.create(project_path=project).engine.planner)
        (_FOLDER / "graph.mmd").write_text(write_mermaid(graphs.drawing("predict")))


if __name__ == "__main__":
    main()
