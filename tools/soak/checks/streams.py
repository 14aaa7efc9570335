"""Whether the runs that were streamed ended as any others, also if their readers had gone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from soak.checks.outcomes import problem_of_end
from soak.ledger import Ledger, Promise


def check_streams(ledger: Ledger, records: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with the runs whose ids streams began with."""
    for run_id, streamed in ledger.streamed.items():
        promise = Promise(order=streamed.order, key="", is_cancelled=streamed.is_cancelled)
        if run_id in records:
            problem = problem_of_end(ledger, promise, records[run_id])
            if problem is not None:
                yield f"streamed run {run_id} of order {streamed.order.number} {problem}"
        elif not _may_be_missing(ledger, streamed.began_at, streamed.ended_at):
            yield f"streamed run {run_id} of order {streamed.order.number} has no record"


def _may_be_missing(ledger: Ledger, began_at: datetime, ended_at: datetime | None) -> bool:
    what = "a run of /run has no record"
    return ledger.is_excused(what, began_at=began_at, ended_at=ended_at or datetime.now(UTC))
