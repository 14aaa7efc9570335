"""``kedro-asgi demo``: write the starter project, train its model and serve it."""

from contextlib import aclosing
from pathlib import Path
from shlex import quote
from typing import Any

import anyio
import click
import msgspec

from kedro_asgi.cli.access_options import check_reach
from kedro_asgi.cli.console_handlers import filtered_console, is_warning
from kedro_asgi.cli.error_messages import interruptible, one_line_errors
from kedro_asgi.cli.greeting import page_lines, server_url
from kedro_asgi.cli.listening_socket import check_port
from kedro_asgi.cli.logging_setup import log_to_stderr
from kedro_asgi.cli.run_progress import choose_progress
from kedro_asgi.cli.run_state import RunState
from kedro_asgi.cli.serve import serve_project
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.stores import MEMORY
from kedro_asgi.errors import StarterError
from kedro_asgi.events import LogLine
from kedro_asgi.project import is_kedro_project
from kedro_asgi.runs import RunRecord
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.session import AsyncSession
from kedro_asgi.starter import write_starter

_MARK = Path(".kedro-asgi") / "demo"
_METRICS = "training_metrics"
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
    with interruptible(), one_line_errors():
        _write_unless_written(folder)
        configuration = ServerConfiguration.read(project_path=folder)
        check_reach(configuration.access, host)
        with filtered_console(is_warning):
            record, metrics = anyio.run(_train, configuration)
    rows, url = metrics["rows"], server_url(host, port)
    run_id = None if configuration.store == MEMORY else record.run_id
    click.echo(
        f"Trained on {rows['train']} penguins; accuracy on {rows['test']} held-out ones: {metrics['accuracy']:.3f}\n"
    )
    click.echo(f"Serving at {url} (Ctrl-C stops the server).")
    click.echo("\n".join([*page_lines(configuration, url, run_id=run_id), "", "Predict a species:"]))
    click.echo(
        f"  curl -s {url}/run -H 'Content-Type: application/json' -d \\\n"
        f"    '{msgspec.json.encode(_REQUEST).decode()}'\n"
    )
    serve_project(folder.resolve(), host=host, port=port, with_greeting=False)


async def _train(configuration: ServerConfiguration) -> tuple[RunRecord, dict[str, Any]]:
    """Train through the run service, so that the server that follows has the run in its store."""
    progress = choose_progress(RunState(), title="training", err=True)
    async with (
        AsyncSession.create(project_path=configuration.project_path) as session,
        Dispatcher(session, store=configuration.store) as runs,
    ):
        run_id = (await runs.submit(outputs=[_METRICS], labels={"started_by": "demo"})).run_id
        with progress.shown():
            async with aclosing(runs.follow(run_id)) as published:
                async for told in published:
                    if not isinstance(told.event, LogLine):
                        progress.emit(told.event)
        record = await runs.wait(run_id)
        if record.error is not None:
            raise StarterError(f"The training failed: {record.error.type}: {record.error.message}")
        return record, msgspec.json.decode(await runs.output(run_id, _METRICS))


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
