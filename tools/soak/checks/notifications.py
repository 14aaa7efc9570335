"""Whether the receiver was told of each end that its webhook wants, and of nothing else."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import anyio
import msgspec

from soak.ledger import Ledger
from soak.load.caller import Caller, UnexpectedAnswerError
from soak.receiver import Delivery
from soak.server import PATIENCE_SECONDS
from soak.webhooks import TIMEOUT_SECONDS, WEBHOOKS

Record = dict[str, Any]
# The server goes on to wait for an answer until then; on a busy machine, it may not read one that comes shortly before.
_LATE = timedelta(seconds=TIMEOUT_SECONDS / 2)


async def settle_notifications(caller: Caller) -> None:
    """Wait until the server has nothing to deliver; raises `UnexpectedAnswerError`."""
    with anyio.move_on_after(PATIENCE_SECONDS):
        while True:
            found = (await caller.ask("GET", "/notifications")).json()
            if any(counts.get("failed", 0) for counts in found["counts"].values()):
                raise UnexpectedAnswerError(f"notifications were given up: {str(found)[:1000]}")
            if not any(counts.get("pending", 0) for counts in found["counts"].values()):
                return
            await anyio.sleep(0.5)
    raise UnexpectedAnswerError(f"notifications are still pending: {str(found)[:1000]}")


def check_deliveries(ledger: Ledger, records: dict[str, Record], deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Yield what the receiver must not have got, and the ends that it was not told of."""
    attempts: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        ledger.counts[f"deliveries that the receiver has {delivery.treatment}"] += 1
        notification = msgspec.json.decode(delivery.body)
        attempts[delivery.webhook, notification["data"]["run_id"]].append(delivery)
        if problem := _problem(delivery, notification, records):
            yield f"{delivery.webhook} was told {problem}: {delivery.body[:300].decode()}"
    for name, webhook in WEBHOOKS.items():
        for run_id, record in records.items():
            taken = [each for each in attempts.get((name, run_id), ()) if each.treatment == "taken"]
            if webhook.wants(record) and not taken:
                yield f"{name} was not told that run {run_id} is {record['status']}"
    for (name, run_id), those in attempts.items():
        yield from (f"{name}, run {run_id}: {problem}" for problem in _problems_of_repetition(ledger, those))


def _problem(delivery: Delivery, notification: Any, records: dict[str, Record]) -> str | None:
    record = records.get(notification["data"]["run_id"])
    if not delivery.is_genuine:
        return "with a wrong signature"
    if record is None:
        return "of a run that does not exist"
    if not WEBHOOKS[delivery.webhook].wants(record):
        return f"of a run that it does not want, {record['status']}"
    told_at, ended_at = (datetime.fromisoformat(text) for text in (notification["timestamp"], record["ended_at"]))
    if notification["type"] != "run.ended" or told_at != ended_at:
        return f"of another end than that at {ended_at}"
    differing = {name: value for name, value in record.items() if notification["data"].get(name) != value}
    return f"otherwise than the record has it: {str(differing)[:500]}" if differing else None


def _problems_of_repetition(ledger: Ledger, attempts: list[Delivery]) -> Iterator[str]:
    """A notification has one id, and comes again only if the server may not know that it was taken."""
    if len({each.notification_id for each in attempts}) != 1:
        yield f"its notifications are {sorted({each.notification_id for each in attempts})}"
    for index, taken in enumerate(attempts[:-1]):
        again = attempts[index + 1]
        if taken.treatment == "taken" and taken.received_at - taken.sent_at < _LATE:
            ledger.counts["notifications that came again"] += 1
            what = "a notification came again"
            if not ledger.is_excused(what, began_at=taken.received_at, ended_at=again.received_at):
                yield f"it came at {taken.received_at}, was taken, and came again at {again.received_at}"
