"""The mix of what callers do, and how long they do it."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing

import anyio

from soak.load import direct, following, promised, reading, rude, streaming
from soak.load.caller import Caller, UnexpectedAnswerError

Action = Callable[[Caller], Awaitable[None]]

ACTIONS: tuple[tuple[int, Action], ...] = (
    (24, promised.submit),
    (8, promised.submit_and_wait),
    (6, following.submit_and_follow),
    (3, following.follow_all),
    (4, promised.submit_twice),
    (2, promised.submit_burst),
    (5, promised.submit_and_cancel),
    (3, promised.submit_typed),
    (2, promised.rerun),
    (1, promised.submit_crash),
    (20, direct.run),
    (4, direct.run_failing),
    (4, direct.run_typed),
    (4, direct.run_with_key),
    (3, direct.run_rows),
    (2, direct.run_rows_together),
    (4, streaming.stream),
    (1, streaming.stream_slowly),
    (2, streaming.hang_up_on_stream),
    (1, streaming.hang_up_on_endless_stream),
    (10, reading.browse),
    (6, reading.read_run),
    (1, reading.reload),
    (2, rude.hang_up_on_run),
    (2, rude.hang_up_on_submission),
    (2, rude.send_half_a_body),
    (1, rude.send_half_a_head),
    (1, rude.send_nonsense),
    (2, rude.hang_up_on_events),
    (2, rude.read_slowly),
)


async def call_until(stop: anyio.Event, caller: Caller) -> None:
    """Do one thing after another; ends after the first one that ends behind ``stop``."""
    weights, actions = zip(*ACTIONS, strict=True)
    async with aclosing(caller):
        while not stop.is_set():
            action = caller.random.choices(actions, weights=weights)[0]
            caller.ledger.counts[action.__name__] += 1
            try:
                await action(caller)
            except UnexpectedAnswerError as error:
                caller.ledger.fault(f"{action.__name__}: {error}")
            await anyio.sleep(caller.random.expovariate(10))
