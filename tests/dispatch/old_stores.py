"""Stores as earlier versions of kedro-asgi left them, and to be upgraded in place."""

from collections.abc import Sequence
from typing import Any

from kedro_asgi.dispatch.stores.schema import MIGRATIONS, Migration
from kedro_asgi.dispatch.stores.sql import SqlStore

ENDED = (
    b'{"run_id":"2026-01-02T03.04.05.678Z-0000aaaaaaaaaa","status":"success","created_at":"2026-01-02T03:04:05.678Z",'
    b'"started_at":"2026-01-02T03:04:06Z","ended_at":"2026-01-02T03:04:08.500Z","duration_ms":2500.0,'
    b'"pipeline_names":["train","eval"],"labels":{"team":"ml","nul":"a\\u0000b"},"timeout_seconds":null,'
    b'"is_stopping":false,"outputs":["scores"],"output_problems":{},"saved":["model"],"error":null,'
    b'"request":{"pipeline_names":["train","eval"],"runtime_params":{"z":1,"a":1e22}},"env":null,"attempt":1,'
    b'"resubmission_of":null,"resubmitted_as":null}'
)
QUEUED = (
    b'{"run_id":"2026-01-02T03.04.09.000Z-0000bbbbbbbbbb","status":"queued","created_at":"2026-01-02T03:04:09Z",'
    b'"pipeline_names":[],"labels":{}}'
)
ORDER = b'{"spec":{"slice":{},"inputs":{"x":["\\ud800",{"b":1,"a":-0.0}]},"runtime_params":{"n":NaN}},"labels":{}}'
EVENTS = (
    b'[{"event":"RunQueued","run_id":"2026-01-02T03.04.05.678Z-0000aaaaaaaaaa","at":"2026-01-02T03:04:05.678Z"},'
    b'{"event":"NodeStarted","run_id":"2026-01-02T03.04.05.678Z-0000aaaaaaaaaa","at":"2026-01-02T03:04:06Z","node":"n"},'
    b'{"event":"RunEnded","run_id":"2026-01-02T03.04.05.678Z-0000aaaaaaaaaa","at":"2026-01-02T03:04:08.5Z",'
    b'"status":"success"}]'
)
OUTPUT = b'[{"b":1,"a":2}]'
ENDED_ID, QUEUED_ID = "2026-01-02T03.04.05.678Z-0000aaaaaaaaaa", "2026-01-02T03.04.09.000Z-0000bbbbbbbbbb"

# The tables and the statements of the first version, letter by letter.
_TABLES = (
    """CREATE TABLE runs (run_id TEXT PRIMARY KEY, status TEXT NOT NULL, owner TEXT,
       wants_cancel INTEGER NOT NULL DEFAULT 0, created_at BIGINT NOT NULL, ended_at BIGINT, facets TEXT NOT NULL,
       record {bytes} NOT NULL, run_order {bytes})""",
    "CREATE INDEX runs_going ON runs (owner) WHERE ended_at IS NULL",
    """CREATE TABLE events (position {serial}, run_id TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
       is_last INTEGER NOT NULL, payload {bytes} NOT NULL)""",
    "CREATE UNIQUE INDEX events_of_run ON events (run_id, last)",
    """CREATE TABLE outputs (run_id TEXT NOT NULL, name TEXT NOT NULL, value {bytes} NOT NULL,
       PRIMARY KEY (run_id, name))""",
    "CREATE TABLE idempotency_keys (key TEXT PRIMARY KEY, digest TEXT NOT NULL, run_id TEXT NOT NULL, "
    "created_at BIGINT NOT NULL)",
    "CREATE INDEX key_of_run ON idempotency_keys (run_id)",
)
ROWS: tuple[tuple[str, Sequence[Any]], ...] = (
    (
        "INSERT INTO runs (run_id, status, owner, created_at, ended_at, facets, record, run_order) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            ENDED_ID,
            "success",
            "gone",
            1767323045678,
            1767323048500,
            "\npipeline=train\n\npipeline=eval\n",
            ENDED,
            ORDER,
        ),
    ),
    (
        "INSERT INTO runs (run_id, status, owner, created_at, ended_at, facets, record, run_order) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (QUEUED_ID, "queued", "gone", 1767323049000, None, "", QUEUED, ORDER),
    ),
    (
        "INSERT INTO events (run_id, first, last, is_last, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (ENDED_ID, 1, 3, 1, EVENTS),
    ),
    ("INSERT INTO outputs (run_id, name, value) VALUES (?, ?, ?)", (ENDED_ID, "scores", OUTPUT)),
    (
        "INSERT INTO idempotency_keys (key, digest, run_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        ("k", "d", ENDED_ID, 1767323045678),
    ),
)


def old_migrations(version: int) -> tuple[Migration, ...]:
    """Return the migrations that an earlier version of kedro-asgi knew."""
    return (_TABLES, *MIGRATIONS[1:version])


def fill(store: SqlStore) -> None:
    """Write an ended and a queued run with the statements of the first version, and close the store."""
    store.open("gone")
    with store.transaction(writes=True) as connection:
        for statement, values in ROWS:
            connection.execute(statement, values)
    store.close()
