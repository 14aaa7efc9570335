"""Callers that wait for the answer of a run: ``POST /run`` and the route of a pipeline."""

from datetime import UTC, datetime
from typing import Any

import anyio

from soak.load.caller import Caller
from soak.orders import Order, failing_order, flaky_order, rows_order, short_order, total_order

_SUBMISSION_FIELDS = ("on_interrupt", "labels", "timeout_seconds")
_TOGETHER = 12


async def run(caller: Caller) -> None:
    """Run something short."""
    await _run_once(caller, short_order(caller.random, caller.ledger.next_number()))


async def run_failing(caller: Caller) -> None:
    """Run what fails, or fails at first."""
    maker = caller.random.choice((failing_order, flaky_order))
    await _run_once(caller, maker(caller.random, caller.ledger.next_number()))


async def run_typed(caller: Caller) -> None:
    """Run the pipeline with types by its own route."""
    order = total_order(caller.random, caller.ledger.next_number())
    body = {name: value for name, value in body_of(order).items() if name != "pipeline_names"}
    caller.ledger.note_direct(order)
    began_at = datetime.now(UTC)
    answer = await caller.ask_once("POST", f"/pipelines/{order.pipeline}/run", json=body)
    if answer is not None:
        check_answer(caller, order, answer.status_code, answer.json(), began_at)


async def run_with_key(caller: Caller) -> None:
    """Run under a key until there is an answer, then ask for it again: both are the same."""
    order = short_order(caller.random, caller.ledger.next_number())
    headers = {"Idempotency-Key": f"direct-{caller.random.getrandbits(64):016x}"}
    caller.ledger.note_direct(order)
    began_at = datetime.now(UTC)
    answers = [await caller.ask("POST", "/run", json=body_of(order), headers=headers) for _ in range(2)]
    check_answer(caller, order, answers[0].status_code, answers[0].json(), began_at)
    if answers[0].json() != answers[1].json():
        caller.ledger.fault(
            f"order {order.number}: its key was answered {answers[0].text[:200]}, then {answers[1].text[:200]}"
        )


async def run_rows(caller: Caller) -> None:
    """Run rows that the server may join with those of others."""
    await _run_once(caller, rows_order(caller.random, caller.ledger.next_number()))


async def run_rows_together(caller: Caller) -> None:
    """Run the rows of several orders at once."""
    pipeline = caller.random.choice(("rows", "rows_process"))
    async with anyio.create_task_group() as tasks:
        for _ in range(_TOGETHER):
            order = rows_order(caller.random, caller.ledger.next_number(), pipeline=pipeline)
            tasks.start_soon(_run_once, caller, order)


async def _run_once(caller: Caller, order: Order) -> None:
    caller.ledger.note_direct(order)
    began_at = datetime.now(UTC)
    answer = await caller.ask_once("POST", "/run", json=body_of(order))
    if answer is not None:
        check_answer(caller, order, answer.status_code, answer.json(), began_at)


def body_of(order: Order) -> dict[str, Any]:
    """Return the body of ``POST /run``."""
    return {name: value for name, value in order.body.items() if name not in _SUBMISSION_FIELDS}


def check_answer(caller: Caller, order: Order, status: int, answer: Any, began_at: datetime) -> None:
    """Note an answer that does not belong to the order."""
    caller.ledger.counts["answers of /run"] += 1
    match answer:
        case {"status": "success"} if status == 200 and order.status == "success":
            is_right = answer.get("outputs", {}).get("answer") == order.answer()
        case {"status": "failure", "error": {"type": kind, "message": message}} if status == 200:
            is_right = caller.ledger.is_excused(kind, began_at=began_at, ended_at=datetime.now(UTC)) or (
                order.status == "failure" and f"boom {order.number}" in message
            )
        case _:
            is_right = False
    if not is_right:
        caller.ledger.fault(f"order {order.number} of {order.pipeline}: answered {status} {str(answer)[:400]}")
