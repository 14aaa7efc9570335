"""Whether each tick of the schedule has exactly one run, over all workers and all their ends."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from soak.checks.outcomes import problems_of
from soak.ledger import Ledger, Promise
from soak.load.caller import Caller, UnexpectedAnswerError
from soak.orders import Order
from soak.project import SCHEDULE
from soak.server import PATIENCE_SECONDS

Record = dict[str, Any]
# No order of a caller has the number that the parameters of the project have.
_ORDER = Order(number=0, pipeline="tick", body={"on_interrupt": "rerun"})
_STEP = timedelta(seconds=1)


async def pause_schedule(caller: Caller) -> datetime:
    """Wait until all ticks so far have runs, pause the schedule, and return when it was paused.

    Raises `UnexpectedAnswerError` if the ticks do not get their runs.
    """
    now = datetime.now(UTC)
    last: datetime | None = None
    with anyio.move_on_after(PATIENCE_SECONDS):
        while last is None or last < now.replace(microsecond=0):
            (schedule,) = (await caller.ask("GET", "/schedules")).json()["schedules"]
            last_run = schedule["last_run"]
            last = None if last_run is None else datetime.fromisoformat(last_run["scheduled_at"])
            await anyio.sleep(0.2)
        await caller.ask("POST", f"/schedules/{SCHEDULE}/pause")
        return datetime.now(UTC)
    raise UnexpectedAnswerError(f"at {now}, the schedule has runs until {last}, and no later ones since")


def check_ticks(ledger: Ledger, records: dict[str, Record], *, paused_at: datetime) -> Iterator[str]:
    """Yield the ticks without a run, with several, or whose run ended as it must not."""
    runs: dict[datetime, list[Record]] = defaultdict(list)
    for record in records.values():
        if record["labels"].get("schedule") == SCHEDULE:
            runs[datetime.fromisoformat(record["labels"]["scheduled_at"])].append(record)
    ledger.counts["ticks"] = len(runs)
    ledger.counts["ticks that had their runs late"] = sum(map(_is_late, runs.items()))
    tick, last = min(runs), max(runs)
    if last > paused_at:
        yield f"tick {last} has a run, and the schedule was paused at {paused_at}"
    while tick <= last:
        for problem in _problems(ledger, runs.pop(tick, [])):
            yield f"tick {tick}: {problem}"
        tick += _STEP
    if runs:
        yield f"runs for instants that are no ticks: {sorted(runs)[:5]}"


def check_tick_executions(records: dict[str, Record], journal: Path) -> Iterator[str]:
    """Yield that ticks were executed more often than they have runs, or less often than runs succeeded."""
    executed = Counter(journal.read_text().split())["0"]
    statuses = [record["status"] for record in records.values() if record["labels"].get("schedule") == SCHEDULE]
    if not statuses.count("success") <= executed <= len(statuses):
        yield f"ticks were executed {executed} times: {dict(Counter(statuses))}"


def _problems(ledger: Ledger, runs: list[Record]) -> Iterator[str]:
    originals = {run["run_id"] for run in runs if run["resubmission_of"] is None}
    if len(originals) == 1:
        yield from problems_of(ledger, Promise(order=_ORDER, key="", run_ids=originals), runs)
    else:
        yield f"it has the runs {sorted(originals)}"


def _is_late(item: tuple[datetime, list[Record]]) -> bool:
    tick, runs = item
    return min(datetime.fromisoformat(run["created_at"]) for run in runs) > tick + 5 * _STEP
