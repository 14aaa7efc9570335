"""``kedro-asgi demo``: write the starter project, train its model and serve it."""

from pathlib import Path
from shlex import quote

import click
import msgspec

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.logging_setup import log_to_stderr
from kedro_asgi.cli.serve import check_port, serve_project
from kedro_asgi.errors import StarterError
from kedro_asgi.project import bootstrap_project, is_kedro_project
from kedro_asgi.session import KedroSession
from kedro_asgi.starter import write_starter

_MARK = Path(".kedro-asgi") / "demo"
_REQUEST = {
    "pipeline_names": ["predict"],
    "inputs": {
        "features": [{"bill_length_mm": 46.5, "bill_depth_mm": 17.9, "flipper_length_mm": 192, "body_mass_g": 3500}]
    },
    "outputs": ["predictions"],
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="demo")
@click.option("-H", "--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("-p", "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port.")
def demo(folder: Path, host: str, port: int) -> None:
    """Write the starter project into FOLDER, unless it is there already; train its model and serve it."""
    log_to_stderr()
    check_port(host, port)
    with one_line_errors():
        _write_unless_written(folder)
        bootstrap_project(folder)
        with KedroSession.create(project_path=folder) as session:
            metrics = session.run()["training_metrics"].load()
    rows = metrics["rows"]
    click.echo(
        f"Trained on {rows['train']} penguins; accuracy on {rows['test']} held-out ones: {metrics['accuracy']:.3f}"
    )
    click.echo(f"Serving at http://{host}:{port} (Ctrl-C stops the server).")
    click.echo(f"See it at http://{host}:{port}/dashboard/, or predict a species:\n")
    click.echo(
        f"  curl -s http://{host}:{port}/run -H 'Content-Type: application/json' -d \\\n"
        f"    '{msgspec.json.encode(_REQUEST).decode()}'\n"
    )
    serve_project(folder.resolve(), host=host, port=port, with_greeting=False)


def _write_unless_written(folder: Path) -> None:
    """Write the starter project; refuse a folder with a project that no demo wrote, since its code would run."""
    mark = folder / _MARK
    if not is_kedro_project(folder):
        write_starter(folder, project_name="penguins")
        mark.parent.mkdir(exist_ok=True)
        mark.write_text("This project was written by 'kedro-asgi demo'.\n")
        click.echo(f"Wrote the starter project into {folder}.")
    elif not mark.is_file():
        raise StarterError(
            f"'{folder}' holds a project that 'kedro-asgi demo' did not write, so it is not run. Name another folder, "
            f"or serve it: kedro-asgi serve {quote(str(folder))}"
        )
