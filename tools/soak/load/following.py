"""Callers that follow events: those of one run to its end, and those of all runs for a while."""

import anyio

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.events import EventsLost, RunEnded
from soak.load.caller import Caller
from soak.load.promised import submitted
from soak.orders import random_order
from soak.server import PATIENCE_SECONDS


async def submit_and_follow(caller: Caller) -> None:
    """Submit a run and follow its events to the end, over broken connections."""
    promise = await submitted(caller, random_order(caller.random, caller.ledger.next_number()))
    (run_id,) = promise.run_ids
    numbers, ends, is_whole = 0, 0, True
    async with AsyncClient(caller.url, token=caller.token, retries=100) as client:
        with anyio.move_on_after(PATIENCE_SECONDS) as scope:
            while not ends:
                try:
                    async for event in client.events(run_id, after=numbers):
                        if isinstance(event, EventsLost):
                            is_whole = False
                            continue
                        if event.sequence != numbers + 1 and is_whole:
                            caller.ledger.fault(f"run {run_id}: event {event.sequence} follows event {numbers}")
                        numbers = event.sequence if isinstance(event.sequence, int) else numbers
                        ends += isinstance(event, RunEnded)
                except KedroAsgiError as error:
                    caller.ledger.counts[f"followed again: {type(error).__name__}"] += 1
                    await anyio.sleep(0.2)
    if scope.cancelled_caught or ends != 1:
        caller.ledger.fault(f"run {run_id}: its follower saw {numbers} events and {ends} ends")


async def follow_all(caller: Caller) -> None:
    """Follow the events of all runs for some seconds, over broken connections: none of a run is left out."""
    last: dict[str, int] = {}
    async with AsyncClient(caller.url, token=caller.token, retries=100) as client:
        with anyio.move_on_after(caller.random.uniform(2, 10)):
            try:
                async for event in client.events():
                    if isinstance(event, EventsLost):
                        last.clear()
                    elif isinstance(event.sequence, int) and event.run_id is not None:
                        if event.sequence != last.get(event.run_id, event.sequence - 1) + 1:
                            caller.ledger.fault(f"run {event.run_id}: a follower of all runs missed events")
                        last[event.run_id] = event.sequence
            except KedroAsgiError as error:
                caller.ledger.counts[f"followed again: {type(error).__name__}"] += 1
    caller.ledger.counts["events that followers of all runs saw"] += sum(last.values())
