"""Show the progress of a run: a bar on a terminal, lines elsewhere."""

from contextlib import aclosing

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors.wording import indented
from kedro_asgi.events import (
    DatasetSaved,
    EventsLost,
    LogLine,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    RunEvent,
    RunPlanned,
)
from kedro_asgi.runs import RunRecord


async def show_progress(client: AsyncClient, run_id: str) -> RunRecord:
    """Print the events of a run until it ends, and return its record."""
    console = Console()
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("queued", total=None)
        async with aclosing(client.events(run_id)) as events:
            async for event in events:
                match event:
                    case RunPlanned(nodes=nodes):
                        bar.update(task, total=nodes, description="running")
                    case NodeStarted(node=node):
                        bar.update(task, description=escape(node))
                    case NodeFinished():
                        bar.advance(task)
                if line := _line(event):
                    bar.console.print(escape(line), highlight=False) if console.is_terminal else click.echo(line)
    return await client.read(run_id)


def _line(event: RunEvent) -> str:
    match event:
        case NodeFinished(node=node, duration_ms=duration_ms):
            return f"{node}: done in {duration_ms / 1000:.3f} s"
        case NodeFailed(node=node):
            return f"{node}: failed"
        case NodeCancelled(node=node):
            return f"{node}: stopped"
        case DatasetSaved(dataset=dataset, is_kept=True):
            return f"{dataset}: saved"
        case LogLine(level=level, logger=logger, message=message):
            return f"{level} {logger}: {indented(message)}"
        case EventsLost(count=count):
            return f"({count} events were lost because this client was too slow)"
    return ""
