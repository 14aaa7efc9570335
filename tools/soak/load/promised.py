"""Callers of ``POST /runs``: they submit, wait, follow, cancel and repeat."""

from typing import Any

import anyio

from soak.ledger import Promise
from soak.load.caller import Caller, UnexpectedAnswerError
from soak.orders import Order, crashing_order, endless_order, failing_order, random_order, short_order, total_order
from soak.server import PATIENCE_SECONDS

_BURST = 30
FINAL = frozenset(("success", "failure", "cancelled", "timed_out", "interrupted"))


async def submit(caller: Caller) -> None:
    """Submit a run, and leave it to the server."""
    await submitted(caller, random_order(caller.random, caller.ledger.next_number()))


async def submit_and_wait(caller: Caller) -> None:
    """Submit a run, and ask for its record until it has ended."""
    promise = await submitted(caller, random_order(caller.random, caller.ledger.next_number()), wait=2)
    await _ended(caller, promise)


async def submit_twice(caller: Caller) -> None:
    """Send one order several times at once under one key."""
    promise = caller.ledger.promise(short_order(caller.random, caller.ledger.next_number()), _key(caller))
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(_send, caller, promise, 0)
    if len(promise.run_ids) != 1:
        caller.ledger.fault(f"key {promise.key} stands for {sorted(promise.run_ids)}")


async def submit_burst(caller: Caller) -> None:
    """Submit more runs at once than may wait: each is asked for again until there is room."""
    async with anyio.create_task_group() as tasks:
        for _ in range(_BURST):
            order = short_order(caller.random, caller.ledger.next_number())
            tasks.start_soon(submitted, caller, order)


async def submit_and_cancel(caller: Caller) -> None:
    """Submit a run that would take an hour, and cancel it a moment later."""
    promise = await submitted(caller, endless_order(caller.random, caller.ledger.next_number()))
    await anyio.sleep(caller.random.uniform(0, 1.5))
    (run_id,) = promise.run_ids
    # A run that was interrupted by a kill may have a successor, which would take its hour.
    while True:
        answer = await caller.ask("POST", f"/runs/{run_id}/cancel", accepted=(200, 202))
        record = (await _read_ended(caller, run_id)) if answer.status_code == 202 else answer.json()
        promise.is_cancelled = True
        if record["resubmitted_as"] is None:
            return
        run_id = record["resubmitted_as"]


async def rerun(caller: Caller) -> None:
    """Submit a run that fails, and repeat it."""
    promise = await submitted(caller, failing_order(caller.random, caller.ledger.next_number()))
    record = await _ended(caller, promise)
    headers = {"Idempotency-Key": _key(caller)}
    path, body = f"/runs/{record['run_id']}/rerun", {"from_failure": caller.random.random() < 0.3}
    answer = await caller.ask("POST", path, accepted=(202, 409), json=body, headers=headers)
    if answer.status_code == 202:
        promise.reruns.add(answer.json()["run_id"])
    elif not body["from_failure"]:
        caller.ledger.fault(f"{path}: {answer.text}")


async def submit_crash(caller: Caller) -> None:
    """Submit a run that ends its process; while its pipeline is refused for that, do without."""
    promise = caller.ledger.promise(crashing_order(caller.random, caller.ledger.next_number()), _key(caller))
    answer = await caller.ask_once("POST", "/runs", **_request(promise))
    if answer is not None:
        _note(caller, promise, answer.json())


async def submit_typed(caller: Caller) -> None:
    """Submit a run by the route of its pipeline."""
    order = total_order(caller.random, caller.ledger.next_number())
    body = {name: value for name, value in order.body.items() if name != "pipeline_names"}
    body["labels"] = order.labels
    promise = caller.ledger.promise(order, _key(caller))
    headers = {"Idempotency-Key": promise.key, "Prefer": "respond-async"}
    path = f"/pipelines/{order.pipeline}/run"
    _note(caller, promise, (await caller.ask("POST", path, accepted=(202,), json=body, headers=headers)).json())


async def submitted(caller: Caller, order: Order, *, wait: float = 0) -> Promise:
    """Submit an order, again and again until the server has promised it."""
    promise = caller.ledger.promise(order, _key(caller))
    await _send(caller, promise, wait)
    return promise


async def _send(caller: Caller, promise: Promise, wait: float) -> None:
    answer = await caller.ask("POST", f"/runs?wait={wait}", accepted=(202,), **_request(promise))
    _note(caller, promise, answer.json())


def _request(promise: Promise) -> dict[str, Any]:
    body = {**promise.order.body, "labels": promise.order.labels}
    return {"json": body, "headers": {"Idempotency-Key": promise.key}}


def _note(caller: Caller, promise: Promise, record: dict[str, Any]) -> None:
    if record["labels"] != promise.order.labels:
        caller.ledger.fault(f"order {promise.order.number} was answered with run {record['run_id']} of another one")
    promise.run_ids.add(record["run_id"])


async def _ended(caller: Caller, promise: Promise) -> dict[str, Any]:
    (run_id,) = promise.run_ids
    return await _read_ended(caller, run_id)


async def _read_ended(caller: Caller, run_id: str) -> dict[str, Any]:
    with anyio.move_on_after(PATIENCE_SECONDS):
        while True:
            record: dict[str, Any] = (await caller.ask("GET", f"/runs/{run_id}?wait=10")).json()
            if record["status"] in FINAL:
                return record
    raise UnexpectedAnswerError(f"run {run_id} has not ended within {PATIENCE_SECONDS:g} seconds")


def _key(caller: Caller) -> str:
    return f"soak-{caller.random.getrandbits(64):016x}"
