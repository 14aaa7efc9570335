"""Slots that threads keep, whatever becomes of the loop that waited for them."""

import asyncio
import subprocess
import sys
import threading

from kedro_asgi.session.slots import Slots

LEAVING = """
import asyncio, threading
from kedro_asgi.session.slots import Slots

started, gate, ended = threading.Event(), threading.Event(), threading.Event()

def work():
    started.set()
    gate.wait()
    ended.set()

async def leave(slots):
    task = asyncio.create_task(slots.run(work))
    while not started.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.wait([task])

loop = asyncio.new_event_loop()
loop.run_until_complete(leave(Slots(1)))
gate.set()
ended.wait()
"""


def test_a_loop_has_all_its_slots_although_an_earlier_loop_left_a_thread() -> None:
    slots, gate = Slots(1), threading.Event()

    async def leave() -> None:
        task = asyncio.create_task(slots.run(gate.wait))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])

    async def work() -> int:
        return await asyncio.wait_for(slots.run(lambda: 7), 30)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    assert asyncio.run(work()) == 7
    gate.set()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_a_process_ends_although_a_thread_outlives_the_loop_that_stopped() -> None:
    assert subprocess.run([sys.executable, "-c", LEAVING], timeout=240, check=False).returncode == 0
