"""Whether each promise has exactly one run, with the right end and the right output."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio

from soak.ledger import Ledger, Promise
from soak.load.caller import Caller, UnexpectedAnswerError
from soak.load.promised import FINAL
from soak.server import PATIENCE_SECONDS

Record = dict[str, Any]
_MAX_ATTEMPTS = 3
_AT_A_TIME = 8


async def read_all(caller: Caller) -> dict[str, Record]:
    """Wait until all runs have ended, and return their records; raises `UnexpectedAnswerError`."""
    with anyio.move_on_after(PATIENCE_SECONDS):
        while True:
            waiting = (await caller.ask("GET", "/runs?status=queued&status=running&limit=1000")).json()["runs"]
            if not waiting:
                return {record["run_id"]: record async for record in _pages(caller)}
            await anyio.sleep(0.5)
    stuck = [f"{record['run_id']} {record['status']} {record['labels']}" for record in waiting[:5]]
    raise UnexpectedAnswerError(f"{len(waiting)} runs are stuck: {stuck}")


async def _pages(caller: Caller) -> Any:
    cursor = None
    while True:
        query = {"limit": 1000, **({} if cursor is None else {"cursor": cursor})}
        page = (await caller.ask("GET", "/runs", params=query)).json()
        for record in page["runs"]:
            yield record
        cursor = page["cursor"]
        if cursor is None:
            return


def check_outcomes(ledger: Ledger, records: dict[str, Record]) -> Iterator[str]:
    """Yield what is wrong with the runs of the promises."""
    by_number = _by_number(records)
    for number in by_number.keys() - ledger.promises.keys():
        yield f"order {number}: nobody asked for its runs"
    for promise in ledger.promises.values():
        for problem in problems_of(ledger, promise, by_number[promise.order.number]):
            yield f"order {promise.order.number} of {promise.order.pipeline}: {problem}"


def _by_number(records: dict[str, Record]) -> defaultdict[int, list[Record]]:
    """Return the runs of each order, by its number."""
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records.values():
        if "number" in record["labels"]:
            found[int(record["labels"]["number"])].append(record)
    return found


def problems_of(ledger: Ledger, promise: Promise, runs: list[Record]) -> Iterator[str]:
    """Yield what is wrong with the runs of one promise."""
    if missing := promise.run_ids - {run["run_id"] for run in runs}:
        yield f"promised runs are missing: {sorted(missing)}"
    firsts = [run for run in runs if run["resubmission_of"] is None]
    originals = [run for run in firsts if run["rerun_of"] is None]
    if len(originals) > 1 or {run["run_id"] for run in firsts if run["rerun_of"]} != promise.reruns:
        yield f"it has runs that nobody asked for: {[run['run_id'] for run in firsts]}"
    following = {run["resubmission_of"] for run in runs}
    for run in runs:
        if run["status"] not in FINAL:
            yield f"run {run['run_id']} is {run['status']}"
        elif (run["resubmitted_as"] is not None) != (run["run_id"] in following):
            yield f"run {run['run_id']} and its successor contradict each other"
        elif problem := problem_of_end(ledger, promise, run):
            yield f"run {run['run_id']} {problem}"


def problem_of_end(ledger: Ledger, promise: Promise, run: Record) -> str | None:
    """Return how a run ended that neither its order nor a disturbance explains."""
    order, error = promise.order, run["error"] or {}
    if run["status"] == order.status and (order.status != "cancelled" or promise.is_cancelled):
        wanted = f"boom {order.number}"
        is_right = order.status != "failure" or order.pipeline.startswith("crash") or wanted in error["message"]
        if is_right:
            return None
    began_at, ended_at = (datetime.fromisoformat(run[name] or run["created_at"]) for name in ("started_at", "ended_at"))
    if not ledger.is_excused(error.get("type", ""), began_at=began_at, ended_at=ended_at):
        return f"is {run['status']} instead of {order.status}: {error}"
    if run["status"] == "interrupted" and run["resubmitted_as"] is None and run["attempt"] < _MAX_ATTEMPTS:
        wants_rerun = order.body.get("on_interrupt") == "rerun" and not promise.is_cancelled
        return "has no successor" if wants_rerun else None
    return None


async def check_outputs(caller: Caller, records: dict[str, Record]) -> list[str]:
    """Compare the kept output of each run that succeeded with what its own order asks for."""
    problems: list[str] = []
    waiting = [record for record in records.values() if record["status"] == "success" and record["outputs"]]

    async def compare_some() -> None:
        while waiting:
            record = waiting.pop()
            promise = caller.ledger.promises.get(int(record["labels"].get("number", 0)))
            if promise is not None:
                answer = (await caller.ask("GET", f"/runs/{record['run_id']}/outputs/answer")).json()
                if answer != promise.order.answer():
                    problems.append(f"run {record['run_id']} of order {promise.order.number} gives {str(answer)[:200]}")

    async with anyio.create_task_group() as tasks:
        for _ in range(_AT_A_TIME):
            tasks.start_soon(compare_some)
    return problems


def check_executions(ledger: Ledger, records: dict[str, Record], journal: Path) -> Iterator[str]:
    """Yield the orders that were executed more often than they may, or not at all although they succeeded.

    A run is executed at most once; a run that repeats an interrupted one, or one that its caller repeats, counts for
    itself. Only where retries were asked for, its nodes may be executed once more for each.
    """
    executed = Counter(map(int, journal.read_text().split()))
    by_number = _by_number(records)
    for promise in ledger.promises.values():
        order = promise.order
        runs = by_number[order.number]
        if executed[order.number] > len(runs) * order.attempts:
            yield f"order {order.number} of {order.pipeline} was executed {executed[order.number]} times"
        if not executed[order.number] and any(run["status"] == "success" for run in runs):
            yield f"order {order.number} of {order.pipeline} is a success and was not executed"
    for order in ledger.direct.values():
        if executed[order.number] > order.attempts:
            yield f"order {order.number} of /run was executed {executed[order.number]} times"


async def check_keys(caller: Caller) -> list[str]:
    """Send orders again: each key still stands for the same run, and for no other order."""
    problems: list[str] = []
    sure = [promise for promise in caller.ledger.promises.values() if promise.run_ids and _has_own_route(promise)]
    for promise in caller.random.sample(sure, min(len(sure), 100)):
        body = {**promise.order.body, "labels": promise.order.labels}
        headers = {"Idempotency-Key": promise.key}
        answer = await caller.ask("POST", "/runs", accepted=(202,), json=body, headers=headers)
        if answer.json()["run_id"] not in promise.run_ids or answer.headers.get("Idempotent-Replayed") != "true":
            problems.append(f"key {promise.key} now stands for run {answer.json()['run_id']}")
        await caller.ask("POST", "/runs", accepted=(422,), json={**body, "tags": ["other"]}, headers=headers)
    return problems


def _has_own_route(promise: Promise) -> bool:
    # The body of a pipeline's route differs from that of /runs; a pipeline that crashes may be refused.
    return not promise.order.pipeline.startswith(("total", "crash"))
