"""Follow a run of a server until it ends."""

from contextlib import aclosing

from kedro_asgi.cli.run_progress import choose_progress
from kedro_asgi.cli.run_state import RunState
from kedro_asgi.client import AsyncClient
from kedro_asgi.runs import RunRecord


async def follow_run(client: AsyncClient, run_id: str) -> RunRecord:
    """Show the events of a run until it ends, and return its record."""
    progress = choose_progress(RunState(), title=run_id, err=False)
    with progress.shown():
        async with aclosing(client.events(run_id)) as events:
            async for event in events:
                progress.emit(event)
    return await client.read(run_id)
