"""A PostgreSQL store whose days are dropped, not deleted, and holds all promises of a store."""

import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import old_stores
import psycopg
import pytest
from click.testing import CliRunner

from kedro_asgi.cli.store import store as store_command
from kedro_asgi.dispatch.stores import day_partitions, open_store
from kedro_asgi.dispatch.stores.base import EventBatch, IdempotencyKey, RunWrite
from kedro_asgi.dispatch.stores.examination import examine
from kedro_asgi.dispatch.stores.maintenance import open_maintained, partition_store
from kedro_asgi.dispatch.stores.postgres import PostgresStore
from kedro_asgi.dispatch.stores.retention import RetentionLimits, vacuum
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.errors import StorePartitionError
from kedro_asgi.runs import RunId, RunQuery, RunRecord

NOW = datetime.now(UTC)
NO_LIMIT = 2**60


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database asks for the day, and the tests may have been collected before midnight."""
    monkeypatch.setattr(sys.modules[__name__], "NOW", datetime.now(UTC))


@pytest.fixture
def url(postgres_url: str) -> str:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def role(url: str) -> Iterator[str]:
    name = f"role_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {name} LOGIN")
        yield name
        superuser.execute(f"DROP OWNED BY {name} CASCADE")
        superuser.execute(f"DROP ROLE {name}")


@pytest.fixture
def store(url: str) -> Iterator[Any]:
    """A partitioned store as a server has it open; it has no run yet."""
    found = open_store(url)
    found.open("server")
    assert partition_store(open_maintained(url))
    yield found
    found.close()


def run_id_of(age_days: int, name: str = "a") -> str:
    return f"{NOW - timedelta(days=age_days):%Y-%m-%dT%H.%M.%S}.000Z-{name}"


def write(store: Any, run_id: str, status: str = "success", *, key: str | None = None) -> list[str]:
    record = RunRecord(run_id=RunId(run_id), status=status, created_at=NOW)
    ended = record.is_final
    batch = EventBatch(run_id=run_id, first=1, last=2, is_last=ended, payload=b'[{"event":"A"},{"event":"B"}]')
    found = IdempotencyKey(key=key, digest="d", run_id=run_id, created_at_ms=1) if key else None
    state = RunWrite(
        record=record,
        expected_status=None,
        owner="server",
        created_at_ms=1,
        ended_at_ms=2 if ended else None,
        key=found,
        event_batches=(batch,),
        outputs=(("x", b"1"),),
    )
    return store.write([state])


def add_past_days(store: Any, *ages: int) -> None:
    """Make partitions of days that have gone, as a store has that was partitioned long ago; none has all before."""
    with store.transaction(writes=True) as connection:
        for table in day_partitions.TABLES:
            connection.execute(f"DROP TABLE {table}_before")
            for age in ages:
                day = (NOW - timedelta(days=age)).date()
                low, high = f"{day:%Y-%m-%d}", f"{day + timedelta(days=1):%Y-%m-%d}"
                connection.execute(
                    f"CREATE TABLE {table}_{day:%Y_%m_%d} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}')"
                )


def drop_older(store: Any, *, days: int = 30, runs: int = NO_LIMIT, size: int = NO_LIMIT) -> list[int]:
    """Drop days until there are none left; a vacuum may have a table for a moment, so one refusal says nothing."""
    dropped: list[int] = []
    refusals = 0
    while refusals < 5:
        count = store.forget_day(before_run_id=run_id_of(days, ""), keep_runs=runs, keep_bytes=size)
        if count is None:
            refusals += 1
        else:
            dropped.append(count)
    return dropped


def ids(store: Any) -> list[str]:
    return [run.run_id for run in store.list_runs(RunQuery(limit=100)).runs]


def test_a_store_keeps_every_byte_when_it_is_partitioned(url: str) -> None:
    old_stores.fill(open_store(url))
    assert partition_store(open_maintained(url))
    store = open_store(url)
    store.open("me")
    assert store.read_run(old_stores.ENDED_ID).status == "success"
    assert [found.payload for found in store.events_of_run(old_stores.ENDED_ID, after=0, limit=9)] == [
        old_stores.EVENTS
    ]
    assert store.read_output(old_stores.ENDED_ID, "scores") == old_stores.OUTPUT
    assert store.read_key("k", not_before_ms=0).run_id == old_stores.ENDED_ID
    assert store.adopt(old_stores.QUEUED_ID, former_owner="gone", owner="me").order.content == old_stores.ORDER
    assert examine(open_maintained(url)).runs
    assert not partition_store(open_maintained(url))
    store.close()


def test_views_show_runs_from_before_and_after(url: str) -> None:
    store: Any = open_store(url)
    store.open("server")
    write(store, run_id_of(1))
    partition_store(open_maintained(url))
    write(store, run_id_of(-1))
    with psycopg.connect(url) as connection:
        for view, rows in (("run_records", 2), ("run_events", 4), ("run_outputs", 2)):
            assert connection.execute(f"SELECT count(*) FROM kedro_asgi.{view}").fetchone() == (rows,)
    store.close()


def test_a_run_goes_into_the_partition_of_its_day_and_events_are_numbered_across_days(store: Any) -> None:
    for age in (0, -1, -2):
        write(store, run_id_of(age))
    with store.transaction(writes=False) as connection:
        assert connection.execute("SELECT count(*) FROM runs_before").fetchone() == (1,)
        assert connection.execute(f"SELECT count(*) FROM runs_{NOW + timedelta(days=2):%Y_%m_%d}").fetchone() == (1,)
    assert ids(store) == [run_id_of(-2), run_id_of(-1), run_id_of(0)]
    found = store.events_after(0, limit=9)
    assert [batch.run_id for batch in found] == [run_id_of(0), run_id_of(-1), run_id_of(-2)]
    assert found[-1].position == store.last_position()


def test_run_ids_and_keys_stay_unique_across_days(store: Any) -> None:
    assert write(store, run_id_of(-1), key="k") == ["stored"]
    assert write(store, run_id_of(-2), key="k") == ["conflict"]
    write(store, run_id_of(-1), "failure")
    assert store.read_run(run_id_of(-1)).status == "success"


def test_days_are_dropped_with_keys_and_events_and_the_days_after_them_stay(store: Any) -> None:
    add_past_days(store, 40, 31, 30, 0)
    for age in (40, 31, 30, 0):
        write(store, run_id_of(age), key=f"key {age}")
    assert drop_older(store) == [1, 1]
    # A part of this day is younger than 30 days.
    assert ids(store) == [run_id_of(0), run_id_of(30)]
    assert store.read_key("key 40", not_before_ms=0) is None
    assert store.read_key("key 30", not_before_ms=0) is not None
    assert {batch.run_id for batch in store.events_after(0, limit=9)} == {run_id_of(0), run_id_of(30)}
    assert store.read_output(run_id_of(40), "x") is None


def test_a_day_stays_until_its_last_run_has_ended(store: Any) -> None:
    add_past_days(store, 40)
    write(store, run_id_of(40, "a"))
    write(store, run_id_of(40, "b"), "running")
    assert drop_older(store) == []
    adopted = store.adopt(run_id_of(40, "b"), former_owner="server", owner="other")
    assert adopted.stored == "running"
    ended = RunRecord(run_id=RunId(run_id_of(40, "b")), status="failure", created_at=NOW)
    state = RunWrite(record=ended, expected_status="running", owner="other", created_at_ms=1, ended_at_ms=2)
    assert store.write([state]) == ["stored"]
    assert drop_older(store) == [2]


def test_days_beyond_a_size_are_dropped_but_never_today(store: Any) -> None:
    add_past_days(store, 2, 1, 0)
    for age in (2, 1, 0):
        write(store, run_id_of(age))
    assert drop_older(store, size=0) == [1, 1]
    assert ids(store) == [run_id_of(0)]


def test_a_day_that_a_reader_has_is_dropped_later(store: Any, url: str) -> None:
    add_past_days(store, 40)
    write(store, run_id_of(40))
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM kedro_asgi.runs")
        assert drop_older(store) == []
    assert drop_older(store) == [1]


def test_a_day_that_a_view_of_an_operator_reads_stays_and_is_named(
    store: Any, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    add_past_days(store, 40)
    write(store, run_id_of(40))
    day = f"runs_{NOW - timedelta(days=40):%Y_%m_%d}"
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute(f"CREATE VIEW public.report AS SELECT run_id FROM kedro_asgi.{day}")
        assert drop_older(store) == drop_older(store) == []
        assert "view public.report depends on table" in caplog.text
        assert len(caplog.records) == 1
        operator.execute("DROP VIEW public.report")
    assert drop_older(store) == [1]


def test_owner_and_grants_of_the_tables_stay(url: str, role: str) -> None:
    store: Any = open_store(url)
    store.open("server")
    with psycopg.connect(url, autocommit=True) as superuser:
        for relation in (*day_partitions.TABLES, "run_records", "run_events", "run_outputs"):
            superuser.execute(f"ALTER TABLE kedro_asgi.{relation} OWNER TO {role}")
        superuser.execute(f"GRANT ALL ON SCHEMA kedro_asgi TO {role}")
        superuser.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA kedro_asgi TO {role}")
        superuser.execute("GRANT SELECT ON kedro_asgi.runs TO PUBLIC")
        assert partition_store(open_maintained(url))
        owners = superuser.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'runs%'").fetchall()
        (acl,) = superuser.execute(
            "SELECT relacl::text FROM pg_class WHERE oid = 'kedro_asgi.runs'::regclass"
        ).fetchone()
    assert owners == [(role,)]
    assert "=r/" in acl
    store.close()


def test_a_role_that_does_not_own_the_tables_is_refused(url: str, role: str) -> None:
    store: Any = open_store(url)
    store.open("server")
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(f"GRANT ALL ON SCHEMA kedro_asgi TO {role}")
        superuser.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA kedro_asgi TO {role}")
    with pytest.raises(StorePartitionError, match="belong to another role"):
        partition_store(open_maintained(url.replace("tests@", f"{role}@")))
    store.close()


def test_a_later_version_upgrades_all_days(store: Any, url: str) -> None:
    write(store, run_id_of(0))
    more = ("ALTER TABLE runs ADD COLUMN extra INTEGER NOT NULL DEFAULT 7", "CREATE INDEX extra_of_run ON runs (extra)")
    later = PostgresStore(url, migrations=(*MIGRATIONS, more))
    later.open("later")
    write(later, run_id_of(-1))
    with later.transaction(writes=False) as connection:
        assert connection.execute("SELECT extra, count(*) FROM runs GROUP BY extra").fetchall() == [(7, 2)]
    write(store, run_id_of(-2))
    assert ids(later) == [run_id_of(-2), run_id_of(-1), run_id_of(0)]
    later.close()


def test_runs_that_no_day_has_are_deleted_one_by_one(store: Any) -> None:
    write(store, run_id_of(40))
    write(store, "an id of another kind")
    limits = {"keep_runs": 0, "keep_bytes": 0, "keys_before_ms": 0, "limit": 9}
    old = store.find_old(before_run_id=run_id_of(30), **limits)
    assert old.run_ids == (run_id_of(40),)
    store.delete_old(old, keys_before_ms=0)
    assert ids(store) == ["an id of another kind"]


def test_an_operator_drops_days_and_sees_how_much_the_partitions_take(store: Any, url: str) -> None:
    add_past_days(store, 40)
    write(store, run_id_of(40))
    write(store, run_id_of(0))
    done = vacuum(open_maintained(url), RetentionLimits(days=30.0))
    assert done.deleted_runs == 1
    assert done.bytes_before > done.bytes_after > 0
    assert examine(open_maintained(url)).is_sound


def test_missing_days_are_made_again(store: Any) -> None:
    last = NOW + timedelta(days=7)
    with store.transaction(writes=True) as connection:
        for table in day_partitions.TABLES:
            connection.execute(f"DROP TABLE {table}_{last:%Y_%m_%d}")
        assert day_partitions.missing_days(connection) == [last.date()]
    drop_older(store)
    with store.transaction(writes=False) as connection:
        assert day_partitions.missing_days(connection) == []


def test_a_store_with_runs_of_a_day_to_come_stays_as_it_is(url: str) -> None:
    store: Any = open_store(url)
    store.open("server")
    write(store, run_id_of(-2))
    with pytest.raises(StorePartitionError, match="a day to come"):
        partition_store(open_maintained(url))
    assert ids(store) == [run_id_of(-2)]
    store.close()


def test_a_store_that_is_not_partitioned_drops_no_day(url: str) -> None:
    store: Any = open_store(url)
    store.open("server")
    write(store, run_id_of(40))
    assert drop_older(store) == []
    assert store.find_old(
        before_run_id=run_id_of(30), keep_runs=9, keep_bytes=NO_LIMIT, keys_before_ms=0, limit=9
    ).run_ids == (run_id_of(40),)
    store.close()


def test_the_command_partitions_a_database_and_refuses_a_file(store: Any, url: str, tmp_path: Path) -> None:
    again = CliRunner().invoke(store_command, ["partition", "--store", url])
    assert (again.exit_code, "it is partitioned already" in again.output) == (0, True)
    file = open_store(tmp_path / "runs.db")
    file.open("server")
    file.close()
    refused = CliRunner().invoke(store_command, ["partition", "--store", str(tmp_path / "runs.db")])
    assert (refused.exit_code, "only a PostgreSQL store" in refused.output) == (1, True)
