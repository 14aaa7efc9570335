"""What do open tabs of the dashboard cost a server that runs pipelines?

A tab that shows the list of runs waits for an event, and loads the list again at most once a second. Clients here do
the same without a browser, whose own work would take the processor from the server. The cases take turns.
"""

import asyncio
import tempfile
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

from harness import Case, Numbers, read_options, take_turns, write
from load import Load, request, run_async, run_request, send_checked, stream
from servers import Process, ours

from projects import write_project

TABS = (0, 1, 10)
CALLERS = 8
_RUN = run_request({"params": {"a": 10}})
_EVENTS = "/events?event=RunQueued&event=RunStarted&event=RunEnded"
_LIST = Load(requests=[request("GET", "/runs?limit=50")], callers=1, times=1, wanted=b'"runs"')
_PAUSE_SECONDS = 1.0


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    times = options.pick(quick=1_500, full=6_000)
    with tempfile.TemporaryDirectory() as folder:
        server = ours("kedro-asgi", write_project(Path(folder) / "ours", engine="kedro_asgi"))
        with server.running() as process:
            _round(process, 1, times)
            cases = [
                Case(side="kedro-asgi", conditions={"tabs": tabs}, measure=partial(_round, process, tabs, times))
                for tabs in TABS
            ]
            measured = take_turns(cases, rounds=options.pick(quick=2, full=7))
    without = measured[0]
    rows = [{**one.row(), "per_second_to_none": one.ratio("per_second", without)} for one in measured]
    write("dashboard", "runs while tabs of the dashboard are open", rows)


def _round(process: Process, tabs: int, times: int) -> Numbers:
    return run_async(_load_with_tabs(process, tabs, times=times))


async def _load_with_tabs(process: Process, tabs: int, *, times: int) -> Numbers:
    """Run pipelines while so many tabs are open."""
    followers = [asyncio.create_task(_tab(process)) for _ in range(tabs)]
    try:
        return (await send_checked(process.port, Load(requests=[_RUN], callers=CALLERS, times=times))).numbers()
    finally:
        for follower in followers:
            follower.cancel()
            with suppress(asyncio.CancelledError):
                await follower


async def _tab(process: Process) -> None:
    """Load the list, wait for an event, and begin again after a while, as a tab does."""
    while True:
        async with aclosing(stream(process.port, _EVENTS)) as chunks:
            await send_checked(process.port, _LIST)
            async for chunk in chunks:
                if b"event:" in chunk:
                    break
        await asyncio.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
