"""How many events does a server tell a hundred subscribers, and does any of them lose one?

The subscribers follow ``/events`` while 8 callers run two nodes in memory.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from harness import Row, read_options, write
from load import Load, run_async, run_request, send_checked, stream
from servers import Process, ours

from projects import write_project

SUBSCRIBERS = 100
_RUN = run_request({"params": {"a": 10}})
_EVENTS_OF_A_RUN = 10


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name:
        server = ours("kedro-asgi", write_project(Path(name) / "project", engine="kedro_asgi"))
        with server.running() as process:
            row = run_async(_fan_out(process, runs=options.pick(quick=100, full=500)))
    write("events", f"events told to {SUBSCRIBERS} subscribers", [row])


async def _fan_out(process: Process, *, runs: int) -> Row:
    counts, lost = [0] * SUBSCRIBERS, [0] * SUBSCRIBERS

    async def listen(number: int) -> None:
        async for chunk in stream(process.port, "/events"):
            counts[number] += chunk.count(b"data: ")
            lost[number] += chunk.count(b"EventsLost")

    listeners = [asyncio.create_task(listen(number)) for number in range(SUBSCRIBERS)]
    await asyncio.sleep(1)
    started = time.perf_counter()
    sent = await send_checked(process.port, Load(requests=[_RUN], callers=8, times=runs))
    before = -1
    while sum(counts) != before:
        before, seconds = sum(counts), time.perf_counter() - started
        await asyncio.sleep(0.5)
    for listener in listeners:
        listener.cancel()
    return {
        "runs": runs,
        "runs_per_second": sent.numbers()["per_second"],
        "told": sum(counts),
        "told_per_second": sum(counts) / seconds,
        "share_told": sum(counts) / (_EVENTS_OF_A_RUN * runs * SUBSCRIBERS),
        "notices_of_loss": sum(lost),
    }


if __name__ == "__main__":
    main()
