"""A store in PostgreSQL is readable by SQL, and keeps every byte that ``jsonb`` would change."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.dispatch.stores.base import EventBatch, RunWrite
from kedro_asgi.dispatch.waiting_order import PackedOrder, pack
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.events import NodeFinished, RunQueued
from kedro_asgi.runs import ErrorDetail, RunId, RunOrder, RunRecord, RunSpec

PAGE = Path(__file__).parents[2] / "docs" / "deploying" / "postgresql.md"
Store = Any


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    store = PostgresStore(postgres_url, schema=f"test_{uuid.uuid4().hex}")
    store.open("me")
    yield store
    store.close()


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    """Return what an operator's query finds."""
    with store.transaction(writes=False) as connection:
        return connection.execute(sql).fetchall()


def write(store: Store, run_id: str, *, seconds: float = 1.0, hours_ago: float = 0.0, **facts: Any) -> RunRecord:
    """Write a run that ended some hours ago, or has not ended."""
    columns = {name: facts.pop(name) for name in ("order", "outputs", "event_batches") if name in facts}
    created = datetime.now(UTC) - timedelta(hours=hours_ago)
    facts = {"status": "success", "created_at": created, "started_at": created, **facts}
    if facts["status"] not in ("queued", "running"):
        facts |= {"ended_at": created + timedelta(seconds=seconds), "duration_ms": seconds * 1000}
    found = RunRecord(run_id=RunId(run_id), **facts)
    created_ms = int(created.timestamp() * 1000)
    ended_ms = None if found.ended_at is None else int(found.ended_at.timestamp() * 1000)
    written = RunWrite(
        record=found, expected_status=None, owner="me", created_at_ms=created_ms, ended_at_ms=ended_ms, **columns
    )
    assert store.write([written]) == ["stored"]
    return found


def test_records_of_running_and_ended_runs_are_rows(store: Store) -> None:
    error = ErrorDetail(type="ValueError", message="no", node="split")
    write(store, "run-1", seconds=2.5, pipeline_names=("train", "eval"), labels={"team": "ml"})
    write(store, "run-2", status="failure", error=error)
    write(store, "run-3", status="running")
    columns = "run_id, status, duration_seconds, pipelines, labels ->> 'team', error_type, error_node"
    assert rows(store, f"SELECT {columns} FROM run_records ORDER BY run_id") == [
        ("run-1", "success", 2.5, ["train", "eval"], "ml", None, None),
        ("run-2", "failure", 1.0, ["__default__"], None, "ValueError", "split"),
        ("run-3", "running", None, ["__default__"], None, None, None),
    ]
    assert rows(store, 'SELECT run_id FROM runs WHERE record_json @> \'{"labels": {"team": "ml"}}\'') == [("run-1",)]


def test_events_and_outputs_are_rows(store: Store) -> None:
    events = [RunQueued(run_id="run-1"), NodeFinished(run_id="run-1", node="split", duration_ms=1.5)]
    batch = EventBatch(run_id="run-1", first=4, last=5, payload=encode_json(events))
    write(store, "run-1", event_batches=(batch,), outputs=(("scores", b'[{"b":1,"a":[2.0]}]'),))
    assert rows(store, "SELECT number, event, node, body -> 'duration_ms' FROM run_events ORDER BY number") == [
        (4, "RunQueued", None, None),
        (5, "NodeFinished", "split", 1.5),
    ]
    assert rows(store, "SELECT run_id, name, value FROM run_outputs") == [("run-1", "scores", [{"b": 1, "a": [2.0]}])]


# What PostgreSQL's ``jsonb`` refuses or changes, as parameters; and what SQL shows of it.
ODD = {
    "nul": ("a\0b", "a\\u0000b"),
    "half": ("x\ud800", "x\\ud800"),
    "other half": ("\udc00", "\\udc00"),
    "penguin": ("\U0001f427", "\U0001f427"),
    "backslashes": ("\\u0000 \\\\", "\\u0000 \\\\"),
    "nan": (float("nan"), "NaN"),
    "minus infinity": ([float("-inf")], ["-Infinity"]),
    "text": ('"NaN", NaN', '"NaN", NaN'),
    "large": (10**300, 10**300),
}


@pytest.mark.parametrize("name", [*ODD, "all"])
def test_an_order_that_jsonb_cannot_hold_is_kept_exactly_and_shown_escaped(store: Store, name: str) -> None:
    chosen = ODD if name == "all" else {name: ODD[name]}
    order = RunOrder(spec=RunSpec(runtime_params={key: value for key, (value, _) in chosen.items()}))
    packed = PackedOrder(content=pack_words(order))
    write(store, "run-1", status="queued", order=packed)
    assert store.read_order("run-1") == packed
    ((shown,),) = rows(store, "SELECT run_order #> '{spec,runtime_params}' FROM run_records")
    assert shown == {key: value for key, (_, value) in chosen.items()}


def pack_words(order: RunOrder) -> bytes:
    """Return an order of a caller of HTTP, whose parameters may be NaN."""
    return pack(order, is_from_json=True).content


@pytest.mark.parametrize("labels", [{"nul": "a\0b"}, {"half": "\ud800"}, {"z": "1", "a": "2"}])
def test_a_record_that_jsonb_cannot_hold_is_kept_exactly(store: Store, labels: dict[str, str]) -> None:
    written = write(store, "run-1", labels=labels, request={"z": [1e22, 5e-324, 10**40], "a": 1.0})
    assert encode_json(store.read_run("run-1")) == encode_json(written)
    ((shown,),) = rows(store, "SELECT labels FROM run_records")
    assert shown.keys() == labels.keys()


@pytest.mark.parametrize("damage", [b"no json", b"\xff\xfe", b"", b"null", b'{"pipeline_names":1,"duration_ms":"x"}'])
def test_a_damaged_record_is_no_error_of_a_query_or_a_write(store: Store, damage: bytes) -> None:
    write(store, "run-1")
    with store.transaction(writes=True) as connection:
        connection.execute("UPDATE runs SET record = ?", (damage,))
        connection.execute(
            "INSERT INTO events (run_id, first, last, is_last, payload) VALUES (?, 1, 1, 1, ?)", ("run-1", damage)
        )
    ((run_id, *_),) = rows(store, "SELECT * FROM run_records")
    assert run_id == "run-1"
    assert rows(store, "SELECT * FROM run_events") == []


def documented_queries() -> dict[str, str]:
    """Return each query of the page with the words before it."""
    found = re.findall(r"^([^\n]+):\n\n```sql\n(.+?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {words: sql.replace("kedro_asgi.", "") for words, sql in found}


def test_the_documented_queries_tell_what_they_say(store: Store) -> None:
    error = ErrorDetail(type="ValueError", message="no", node="split")
    for number, seconds in enumerate([1.0, 2.0, 9.0]):
        write(store, f"run-{number}", seconds=seconds, pipeline_names=("train",), hours_ago=1)
    finished = [NodeFinished(run_id="run-4", node="split", duration_ms=250.0)]
    batch = EventBatch(run_id="run-4", first=1, last=1, payload=encode_json(finished))
    write(store, "run-4", status="failure", error=error, pipeline_names=("train",), hours_ago=2, event_batches=(batch,))
    write(store, "run-5", status="failure", error=error, hours_ago=30)
    write(store, "run-6", status="running", labels={"team": "ml"})
    found = {words: rows(store, sql) for words, sql in documented_queries().items()}
    assert found["Runs by pipeline and status"] == [
        ("__default__", "failure", 1),
        ("__default__", "running", 1),
        ("train", "failure", 1),
        ("train", "success", 3),
    ]
    assert [row[:3] for row in found["Durations by pipeline, in seconds, of the last seven days"]] == [
        ("train", 3, 2.0)
    ]
    assert [(row[0], *row[2:]) for row in found["Failures of the last day"]] == [
        ("run-4", ["train"], "ValueError", "split", "no")
    ]
    assert [row[0] for row in found["Runs that go on, the oldest first"]] == ["run-6"]
    assert [row[:2] for row in found["The slowest nodes of the last day"]] == [("split", 1)]
    assert [row[0] for row in found["Runs with a label"]] == ["run-6"]


def test_a_pooler_that_drops_the_schema_is_refused(postgres_url: str) -> None:
    """Tables of another schema would be taken for those of the store."""
    import psycopg

    from kedro_asgi.dispatch.stores.pipelined_connection import PipelinedConnection
    from kedro_asgi.dispatch.stores.postgres import PostgresStore

    class Pooled(PostgresStore):
        def _connect(self) -> PipelinedConnection:
            return PipelinedConnection(psycopg.connect(postgres_url))

    store = Pooled(postgres_url, schema=f"test_{uuid.uuid4().hex}")
    with pytest.raises(StoreUnavailableError, match="its search_path leads to schema 'public' and not to 'test_"):
        store.open("me")
    store.close()
