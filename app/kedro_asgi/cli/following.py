"""Follow a run of a server until it ends."""

from contextlib import aclosing

from kedro_asgi.cli.run_progress import choose_progress
from kedro_asgi.cli.run_state import RunState
from kedro_asgi.cli.run_summary import echo_summary
from kedro_asgi.client import AsyncClient
from kedro_asgi.runs import RunRecord


async def follow_run(client: AsyncClient, run_id: str) -> RunRecord:
    """Show the events of a run until it ends, and return its record."""
    state = RunState()
    progress = choose_progress(state, title=run_id, err=False)
    with progress.shown():
        async with aclosing(client.events(run_id)) as events:
            async for event in events:
                progress.emit(event)
    record = await client.read(run_id)
    state.end()
    echo_summary(state, err=False, seconds=None if record.duration_ms is None else record.duration_ms / 1000)
    return record
