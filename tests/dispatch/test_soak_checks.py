"""The judge of the soak: it blames what breaks a promise, and nothing that a disturbance explains."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from soak.checks.notifications import check_deliveries
from soak.checks.schedules import check_tick_executions, check_ticks
from soak.checks.streams import check_streams
from soak.ledger import Disturbance, DisturbanceKind, Ledger, Streamed
from soak.orders import stream_order
from soak.receiver import Delivery, Receiver, Treatment
from soak.webhooks import SECRET, is_genuine

START = datetime(2026, 11, 29, 6, tzinfo=UTC)


def record(run_id: str, *, tick: int | None = None, **fields: Any) -> dict[str, Any]:
    at = START + timedelta(seconds=tick or 0)
    labels = {} if tick is None else {"schedule": "ticking", "scheduled_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    times = dict.fromkeys(("created_at", "started_at", "ended_at"), at.isoformat())
    none = dict.fromkeys(("resubmission_of", "resubmitted_as", "rerun_of", "error"))
    return {"run_id": run_id, "labels": labels, "status": "success", "attempt": 1, **times, **none, **fields}


def ticks(*records: dict[str, Any], paused_after: int = 60) -> list[str]:
    paused_at = START + timedelta(seconds=paused_after)
    return list(check_ticks(Ledger(), {each["run_id"]: each for each in records}, paused_at=paused_at))


def delivery(run: dict[str, Any], *, treatment: Treatment = "taken", after: float = 0, **fields: Any) -> Delivery:
    at = START + timedelta(seconds=after)
    body = json.dumps({"type": "run.ended", "timestamp": run["ended_at"], "data": run}).encode()
    values = {"notification_id": "n", "is_genuine": True, "sent_at": at, "received_at": at, "body": body, **fields}
    return Delivery(webhook="every_end", treatment=treatment, **values)


def told(*deliveries: Delivery, ledger: Ledger | None = None, records: tuple[dict[str, Any], ...]) -> list[str]:
    by_id = {each["run_id"]: {**each, "pipeline_names": ["double"]} for each in records}
    return list(check_deliveries(ledger or Ledger(), by_id, deliveries))


def disturbed(ledger: Ledger, kind: DisturbanceKind) -> Ledger:
    """Note a disturbance at the time of the records, whenever the tests run."""
    ledger.disturbances.append(Disturbance(kind=kind, began_at=START, ended_at=START))
    return ledger


RUN = record("run", pipeline_names=["double"])


def test_each_tick_has_one_run() -> None:
    assert ticks(record("a", tick=0), record("b", tick=1), record("c", tick=2)) == []


def test_a_tick_without_a_run_is_blamed() -> None:
    (problem,) = ticks(record("a", tick=0), record("b", tick=2))
    assert problem.endswith("it has the runs []")


def test_a_tick_with_two_runs_is_blamed() -> None:
    (problem,) = ticks(record("a", tick=0), record("b", tick=0))
    assert problem.endswith("it has the runs ['a', 'b']")


def test_a_run_that_repeats_an_interrupted_one_is_the_run_of_its_tick() -> None:
    error = {"type": "RunInterruptedError", "message": "gone"}
    interrupted = record("a", tick=0, status="interrupted", error=error, resubmitted_as="b")
    records = {each["run_id"]: each for each in (interrupted, record("b", tick=0, resubmission_of="a"))}
    assert len(list(check_ticks(Ledger(), records, paused_at=START))) == 1, "nothing explains the interruption"
    assert list(check_ticks(disturbed(Ledger(), "worker killed"), records, paused_at=START)) == []


def test_a_tick_after_the_pause_is_blamed() -> None:
    assert len(ticks(record("a", tick=0), record("b", tick=1), paused_after=0)) == 1


def test_a_tick_that_was_executed_twice_is_blamed(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text("0\n7\n0\n")
    assert len(list(check_tick_executions({"a": record("a", tick=0)}, journal))) == 1
    assert list(check_tick_executions({"a": record("a", tick=0), "b": record("b", tick=1)}, journal)) == []


def test_an_end_that_was_told_is_well() -> None:
    assert told(delivery(RUN, treatment="failed"), delivery(RUN, after=5), records=(RUN,)) == []


@pytest.mark.parametrize(
    ("deliveries", "problem"),
    [
        ([], "was not told that run run is success"),
        ([delivery(RUN, treatment="cut")], "was not told that run run is success"),
        ([delivery(RUN, is_genuine=False)], "with a wrong signature"),
        ([delivery(RUN), delivery({**RUN, "run_id": "other"})], "of a run that does not exist"),
        ([delivery({**RUN, "status": "failure"})], "otherwise than the record has it: {'status': 'success'}"),
        ([delivery(RUN), delivery(RUN, notification_id="m", treatment="cut")], "its notifications are ['m', 'n']"),
        ([delivery(RUN), delivery(RUN, after=30)], "and came again"),
    ],
)
def test_a_wrong_delivery_is_blamed(deliveries: list[Delivery], problem: str) -> None:
    assert any(problem in found for found in told(*deliveries, records=(RUN,)))


def test_a_disturbance_explains_that_a_notification_comes_again() -> None:
    ledger = disturbed(Ledger(), "server killed")
    assert told(delivery(RUN), delivery(RUN, after=30), ledger=ledger, records=(RUN,)) == []


def test_a_streamed_run_has_a_record_with_the_right_end() -> None:
    ledger = Ledger()
    order = stream_order(Random(1), 7, parts=4)
    ledger.streamed["run"] = Streamed(order=order, began_at=START, ended_at=START)
    right = record("run", status=order.status, error={"type": "ValueError", "message": "boom 7"})
    assert list(check_streams(ledger, {"run": right})) == []
    assert len(list(check_streams(ledger, {"run": record("run", status="cancelled")}))) == 1
    assert len(list(check_streams(ledger, {}))) == 1
    assert list(check_streams(disturbed(ledger, "worker killed"), {})) == []


def test_the_receiver_takes_each_notification_after_two_failures() -> None:
    receiver = Receiver(Random(1))
    with receiver.listening():
        for number in range(300):
            treatments = [receiver.treatment("every_end", f"n{number}") for _ in range(3)]
            assert "taken" in treatments


def test_the_receiver_notes_what_it_gets() -> None:
    receiver = Receiver(Random(1))
    with receiver.listening(), httpx.Client(timeout=60) as client:
        while not _is_taken(client, receiver.url):
            pass
    deliveries = receiver.deliveries()
    assert [each.treatment for each in deliveries][-1] == "taken"
    assert all(each.is_genuine and each.webhook == "every_end" and each.body == b"{}" for each in deliveries)


def test_a_body_that_was_changed_is_not_genuine() -> None:
    headers = _headers("n", b"{}")
    assert is_genuine(headers, b"{}")
    assert not is_genuine(headers, b"{ }")


def _is_taken(client: httpx.Client, url: str) -> bool:
    try:
        return client.post(f"{url}/every_end", content=b"{}", headers=_headers("n", b"{}")).status_code == 200
    except httpx.TransportError:
        return False


def _headers(notification_id: str, body: bytes) -> dict[str, str]:
    at = str(int(datetime.now(UTC).timestamp()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{notification_id}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": notification_id, "webhook-timestamp": at, "webhook-signature": signature}
