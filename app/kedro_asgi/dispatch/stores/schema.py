"""The tables of a store of runs, as migrations from each version to the next.

``{serial}`` is the type of a key that the database counts up, ``{bytes}`` the type of binary data. A released
migration never changes; a new version adds one. A statement is for all databases, or for those that it names.
"""

from collections.abc import Mapping, Sequence

from kedro_asgi.dispatch.stores.readable_sql import READABLE

Statement = str | Mapping[str, str]
Migration = Sequence[Statement]

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE runs (
            run_id TEXT PRIMARY KEY,
            status TEXT NOT NULL,
            owner TEXT,
            wants_cancel INTEGER NOT NULL DEFAULT 0,
            created_at BIGINT NOT NULL,
            ended_at BIGINT,
            facets TEXT NOT NULL,
            record {bytes} NOT NULL,
            run_order {bytes}
        )""",
        "CREATE INDEX runs_going ON runs (owner) WHERE ended_at IS NULL",
        """CREATE TABLE events (
            position {serial},
            run_id TEXT NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            is_last INTEGER NOT NULL,
            payload {bytes} NOT NULL
        )""",
        "CREATE UNIQUE INDEX events_of_run ON events (run_id, last)",
        """CREATE TABLE outputs (
            run_id TEXT NOT NULL,
            name TEXT NOT NULL,
            value {bytes} NOT NULL,
            PRIMARY KEY (run_id, name)
        )""",
        """CREATE TABLE idempotency_keys (
            key TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            run_id TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )""",
        "CREATE INDEX key_of_run ON idempotency_keys (run_id)",
    ),
    (
        """CREATE TABLE notifications (
            notification_id TEXT PRIMARY KEY,
            run_id TEXT NOT NULL,
            webhook TEXT NOT NULL,
            body {bytes} NOT NULL,
            created_at BIGINT NOT NULL,
            give_up_at BIGINT NOT NULL,
            due_at BIGINT,
            owner TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            problem TEXT
        )""",
        "CREATE INDEX notifications_due ON notifications (webhook, due_at) WHERE due_at IS NOT NULL AND owner IS NULL",
        "CREATE INDEX notifications_claimed ON notifications (owner) WHERE owner IS NOT NULL",
        "CREATE INDEX notifications_of_run ON notifications (run_id)",
    ),
    (
        """CREATE TABLE schedules (
            name TEXT PRIMARY KEY,
            definition TEXT NOT NULL,
            defined_at BIGINT NOT NULL,
            decided_at BIGINT NOT NULL,
            is_paused INTEGER NOT NULL DEFAULT 0,
            run_id TEXT
        )""",
    ),
    tuple({"postgresql": statement} for statement in READABLE),
    (
        # For a look at the webhooks that no server has any more, which is once a second.
        "CREATE INDEX notifications_given_up ON notifications (give_up_at, webhook) "
        "WHERE due_at IS NOT NULL AND owner IS NULL",
    ),
    (
        "ALTER TABLE runs ADD COLUMN due_at BIGINT",
        {"postgresql": "CREATE INDEX runs_waiting ON runs (run_id) WHERE owner IS NULL AND ended_at IS NULL"},
    ),
    ("ALTER TABLE runs ADD COLUMN caller TEXT",),
)


def statement_for(database: str, statement: Statement) -> str | None:
    """Return the statement for ``database``, ``None`` if there is none."""
    match statement:
        case str():
            return statement
        case _:
            return statement.get(database)
