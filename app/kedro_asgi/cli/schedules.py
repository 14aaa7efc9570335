"""``kedro-asgi schedules``: list, pause, resume and run the schedules of a server."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from kedro_asgi.cli.output import format_option
from kedro_asgi.cli.runs import client_command
from kedro_asgi.cli.tables import echo_table
from kedro_asgi.encoding import encode_json

if TYPE_CHECKING:
    from kedro_asgi.client import AsyncClient
    from kedro_asgi.schemas import ScheduleDescription


@click.group()
def schedules() -> None:
    """List, pause, resume and run the schedules of a server."""


@schedules.command("list")
@format_option
@client_command
async def list_schedules(client: "AsyncClient", output_format: str) -> None:
    """List schedules, each with its next tick and its last run."""
    found = await client.schedules()
    if output_format == "json":
        click.echo(encode_json(found, indent=2).decode())
    else:
        head = ("SCHEDULE", "CRON", "TIMEZONE", "PIPELINE", "NEXT", "STATUS", "RUN")
        echo_table(head, [_row(schedule) for schedule in found])


@schedules.command()
@click.argument("name")
@client_command
async def pause(client: "AsyncClient", name: str) -> None:
    """Pause a schedule: it begins no runs until it is resumed."""
    await client.pause_schedule(name)
    click.echo(f"{name} is paused.")


@schedules.command()
@click.argument("name")
@client_command
async def resume(client: "AsyncClient", name: str) -> None:
    """Let a schedule go on with its next tick."""
    schedule = await client.resume_schedule(name)
    click.echo(f"{name} goes on: its next tick is {_next_tick(schedule)}.")


@schedules.command()
@click.argument("name")
@client_command
async def run(client: "AsyncClient", name: str) -> None:
    """Begin a run of a schedule now, and print its id."""
    click.echo((await client.run_schedule(name)).run_id)


def _row(schedule: "ScheduleDescription") -> tuple[str, ...]:
    last = schedule.last_run
    return (
        schedule.name,
        schedule.cron,
        schedule.timezone,
        ", ".join(schedule.pipeline_names),
        _next_tick(schedule),
        "" if last is None else last.status,
        "" if last is None else last.run_id,
    )


def _next_tick(schedule: "ScheduleDescription") -> str:
    if schedule.is_paused:
        return "paused"
    return _text(schedule.next_ticks[0]) if schedule.next_ticks else "never"


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
