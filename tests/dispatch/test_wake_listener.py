"""Workers of a PostgreSQL store wake each other, also after their connections were lost."""

import time
import uuid
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

import psycopg
import pytest
from test_store_queue import changed, claim, queued

from kedro_asgi.dispatch.stores.base import EventBatch
from kedro_asgi.dispatch.stores.postgres import PostgresStore

ALL = {"events", "queue", "ends", "cancels", "runs"}
Wakes = SimpleQueue[frozenset[str]]
Open = Callable[[str], PostgresStore]


@pytest.fixture
def open_as(postgres_url: str) -> Iterator[Open]:
    schema, opened = f"test_{uuid.uuid4().hex}", []

    def open_store(owner: str) -> PostgresStore:
        store = PostgresStore(postgres_url, schema=schema)
        opened.append(store)
        store.open(owner)
        return store

    yield open_store
    for store in opened:
        store.close()


def listening(store: PostgresStore, owner: str) -> Wakes:
    wakes: Wakes = SimpleQueue()
    store.listen(owner, wakes.put)
    assert wakes.get(timeout=30) == ALL
    assert store.is_listening
    return wakes


def test_a_worker_hears_of_what_others_write_and_not_of_its_own(open_as: Open) -> None:
    me, other = open_as("me"), open_as("other")
    wakes = listening(me, "me")
    batch = EventBatch(run_id="run-1", first=1, last=1, payload=b"[]")
    me.write([queued("mine", event_batches=(batch,))])
    other.write([queued("run-1", event_batches=(batch,))])
    assert wakes.get(timeout=30) == {"events", "queue"}
    claim(other, "other")
    other.write([changed("run-1", "success", expected="queued", owner="other")])
    assert wakes.get(timeout=30) == {"ends"}


def test_a_cancel_and_an_adoption_wake_the_owner_alone(open_as: Open) -> None:
    me, other, third = open_as("me"), open_as("other"), open_as("third")
    wakes, others = listening(me, "me"), listening(other, "other")
    third.write([queued("run-1", owner="me"), queued("run-2", owner="other")])
    third.request_cancel("run-1")
    assert wakes.get(timeout=30) == {"cancels"}
    third.adopt("run-1", former_owner="me", owner="third")
    assert wakes.get(timeout=30) == {"runs"}
    third.request_cancel("run-2")
    assert others.get(timeout=30) == {"cancels"}
    with pytest.raises(Empty):
        wakes.get_nowait()


def test_nothing_is_told_of_a_transaction_that_fails(open_as: Open) -> None:
    me, other = open_as("me"), open_as("other")
    wakes = listening(me, "me")
    broken = queued("run-1", notifications=("no notification",))
    with pytest.raises(AttributeError):
        other.write([broken])
    other.request_cancel("unknown")
    other.write([queued("run-1", owner="other"), changed("run-1", "success", expected="queued", owner="other")])
    assert wakes.get(timeout=30) == {"ends"}


def test_a_lost_connection_is_made_again_and_wakes_for_all_that_was_missed(open_as: Open, postgres_url: str) -> None:
    me = open_as("me")
    wakes = listening(me, "me")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'COMMIT'"
        )
    assert wakes.get(timeout=30) == ALL


def test_a_store_that_is_closed_listens_no_more(open_as: Open) -> None:
    me = open_as("me")
    listening(me, "me")
    started = time.monotonic()
    me.close()
    assert time.monotonic() - started < 60
    assert not me.is_listening


def test_the_database_ends_what_a_worker_that_is_paused_or_gone_holds(open_as: Open) -> None:
    with open_as("me").transaction(writes=False) as connection:
        (seconds,) = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        # Connections by a socket of the machine have no keepalives, so this is what they were asked for.
        (asked,) = connection.execute("SELECT reset_val FROM pg_settings WHERE name = 'tcp_keepalives_idle'").fetchone()
    assert (seconds, asked) == ("10s", "10")
