"""``kedro-asgi runs``: list, show, follow, draw, cancel and repeat the runs of a server."""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

from kedro_asgi.cli.error_messages import interruptible, one_line_errors
from kedro_asgi.cli.options import Names
from kedro_asgi.cli.output import format_option, write_output
from kedro_asgi.cli.tables import echo_table, seconds_text
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors.wording import one_line
from kedro_asgi.reserved_names import shown_pipelines
from kedro_asgi.runs import RunRecord

if TYPE_CHECKING:
    from kedro_asgi.client import AsyncClient

DEFAULT_URL = "http://127.0.0.1:8000"
# The variable is better: other users of the machine see the arguments of commands.
token_option = click.option("--token", envvar="KEDRO_ASGI_TOKEN", help="Token for the server; see 'kedro-asgi token'.")


def client_command(command: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn an async function of a client into a command with the options ``--url`` and ``--token``."""

    async def call(url: str, token: str | None, options: dict[str, Any]) -> None:
        async with open_client(url, token=token) as client:
            await command(client, **options)

    @click.option("--url", default=DEFAULT_URL, envvar="KEDRO_ASGI_URL", show_default=True, help="URL of the server.")
    @token_option
    @wraps(command)
    def run(url: str, token: str | None, **options: Any) -> None:
        with interruptible(), one_line_errors():
            anyio.run(call, url, token, options)

    return run


def open_client(url: str, *, token: str | None = None) -> "AsyncClient":
    """Return a client that shows the server at ``url`` the ``token``; ends the command without the extra."""
    try:
        # httpx is an optional dependency, and the other commands do not need it.
        from kedro_asgi.client import AsyncClient
    except ImportError as error:
        raise click.ClickException("Install 'kedro-asgi[cli]' for this command.") from error
    return AsyncClient(url, token=token)


@click.group()
def runs() -> None:
    """List, show, follow, draw, cancel and repeat the runs of a server."""


@runs.command("list")
@click.option("--status", type=Names(), multiple=True, help="Only runs with one of these statuses; may be repeated.")
@click.option("--pipeline", help="Only runs of this pipeline.")
@click.option("--label", "labels", multiple=True, help="Only runs with this label: name=value; may be repeated.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many runs to show.")
@format_option
@client_command
async def list_runs(
    client: "AsyncClient", output_format: str, status: tuple[list[str], ...], labels: tuple[str, ...], **filters: Any
) -> None:
    """List runs, newest first."""
    wanted: Any = tuple(chain.from_iterable(status))
    page = await client.runs(status=wanted, labels=_label_pairs(labels), **filters)
    if output_format == "json":
        click.echo(encode_json(page.runs, indent=2).decode())
    else:
        _echo_runs(page.runs)


def _label_pairs(labels: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for label in labels:
        name, separator, value = label.partition("=")
        if not name or not separator:
            raise click.BadParameter(f"'{label}' must be of the form name=value.", param_hint="'--label'")
        if pairs.setdefault(name, value) != value:
            raise click.BadParameter(f"no run has two values for '{name}'.", param_hint="'--label'")
    return pairs


@runs.command()
@click.argument("run_id")
@client_command
async def show(client: "AsyncClient", run_id: str) -> None:
    """Show the record of a run as JSON."""
    click.echo(encode_json(await client.read(run_id), indent=2).decode())


@runs.command()
@click.argument("run_id")
@client_command
async def cancel(client: "AsyncClient", run_id: str) -> None:
    """Cancel a run: it stops before its next node."""
    record = await client.cancel(run_id)
    click.echo(f"{record.run_id} is {'stopping' if record.is_stopping else record.status}.")


@runs.command()
@click.argument("run_id")
@click.option(
    "--from-failure", is_flag=True, help="Run only what the run has not finished, with the datasets that it has saved."
)
@client_command
async def rerun(client: "AsyncClient", run_id: str, from_failure: bool) -> None:
    """Repeat a run that has ended as a new run, and print its id."""
    record = await client.rerun(run_id, from_failure=from_failure)
    click.echo(record.run_id)


@runs.command()
@click.argument("run_id")
@client_command
async def follow(client: "AsyncClient", run_id: str) -> None:
    """Show the progress of a run until it ends; the exit code is 1 unless it succeeds."""
    # Its client is an optional dependency.
    from kedro_asgi.cli.following import follow_run

    record = await follow_run(client, run_id)
    click.echo(f"{record.run_id}: {record.status}{one_line(_reason(record))}")
    if record.status != "success":
        raise click.exceptions.Exit(1)


@runs.command()
@click.argument("run_id")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File; the default is standard output."
)
@client_command
async def timeline(client: "AsyncClient", run_id: str, output: Path | None) -> None:
    """Draw the time line of a run as SVG."""
    write_output(await client.timeline(run_id), output)


def _echo_runs(records: tuple[RunRecord, ...]) -> None:
    rows = [
        (
            record.run_id,
            record.status,
            shown_pipelines(record.pipeline_names),
            seconds_text(None if record.duration_ms is None else record.duration_ms / 1000),
            " ".join(f"{name}={value}" for name, value in record.labels.items()),
        )
        for record in records
    ]
    echo_table(("RUN", "STATUS", "PIPELINE", "SECONDS", "LABELS"), rows)


def _reason(record: RunRecord) -> str:
    return "" if record.error is None else f" ({record.error.type}: {record.error.message})"
