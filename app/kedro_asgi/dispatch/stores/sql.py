"""A store in SQL: the statements that SQLite and PostgreSQL share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from kedro_asgi.dispatch.document import encode
from kedro_asgi.dispatch.stores.base import AdoptedRun, EventBatch, IdempotencyKey, RunWrite, WriteResult
from kedro_asgi.dispatch.stores.liveness import Liveness, Presence
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.errors import StoreVersionError
from kedro_asgi.runs import RunId, RunOrder, RunPage, RunQuery, RunRecord

_RECORD = msgspec.json.Decoder(RunRecord)
_ORDER = msgspec.json.Decoder(RunOrder)

_INSERT = (
    "INSERT INTO runs (run_id, status, owner, created_at, ended_at, facets, record, run_order) "
    "VALUES {rows} ON CONFLICT DO NOTHING"
)
_UPDATE = "UPDATE runs SET status = ?, ended_at = ?, record = ? WHERE run_id = ? AND owner = ? AND status IN ({marks})"
_DONE = "UPDATE runs SET run_order = NULL WHERE run_id = ?"
_CHUNK = "INSERT INTO events (run_id, first, last, is_last, payload) VALUES {rows} ON CONFLICT DO NOTHING"
_OUTPUT = "INSERT INTO outputs (run_id, name, value) VALUES {rows} ON CONFLICT DO NOTHING"
_KEY = "INSERT INTO idempotency_keys (key, digest, run_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_OLD_KEY = "DELETE FROM idempotency_keys WHERE key = ? AND created_at < ?"
_KEYS_RUN = "SELECT run_id FROM idempotency_keys WHERE key = ?"
_ROWS_AT_ONCE = (64, 8, 1)
_CHUNKS = "SELECT position, run_id, first, last, is_last, payload FROM events"


class SqlStore(ABC):
    """What a store does, given connections; rows come and go through one statement at a time."""

    is_shared = True

    def __init__(self, *, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
        self._migrations = migrations
        self._absences = Liveness()

    # --- what each database does in its own way ---

    @abstractmethod
    def transaction(self, *, writes: bool) -> Any:
        """A context manager that gives a connection within a transaction; translates the database's errors."""

    @abstractmethod
    def _name(self) -> str:
        """Name the store without credentials."""

    @abstractmethod
    def _types(self) -> dict[str, str]:
        """The names that this database has for the types of the schema."""

    @abstractmethod
    def _contains(self, column: str) -> str:
        """An expression that is true where the text in ``column`` contains a parameter."""

    @abstractmethod
    def _presence(self, connection: Any, owner: str) -> Presence:
        """Whether a worker process gives a sign of life; ``gone`` if it has ended for sure."""

    @abstractmethod
    def _schema_version(self, connection: Any) -> int:
        """The number of migrations that were applied."""

    @abstractmethod
    def _set_schema_version(self, connection: Any, version: int) -> None:
        """Remember how many migrations were applied."""

    # --- writing ---

    def migrate(self) -> None:
        """Bring the schema to this version; raises `StoreVersionError` if it is newer."""
        known = len(self._migrations)
        with self.transaction(writes=True) as connection:
            found = self._schema_version(connection)
            if found > known:
                raise StoreVersionError(self._name(), found, known)
            for step in self._migrations[found:]:
                for statement in step:
                    connection.execute(statement.format(**self._types()))
            if found < known:
                self._set_schema_version(connection, known)

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        with self.transaction(writes=True) as connection:
            plain = [entry for entry in entries if entry.was is None and entry.key is None]
            _insert(connection, _INSERT, [_row(entry) for entry in plain])
            verdicts = [_put(connection, entry) for entry in entries]
            written = [entry for entry, verdict in zip(entries, verdicts, strict=True) if verdict == "stored"]
            _insert(connection, _CHUNK, [_chunk_row(chunk) for entry in written for chunk in entry.chunks])
            outputs = [(entry.record.run_id, *output) for entry in written for output in entry.outputs]
            _insert(connection, _OUTPUT, outputs)
        return verdicts

    def probe(self) -> None:
        with self.transaction(writes=True) as connection:
            self._set_schema_version(connection, self._schema_version(connection))

    def ask_cancel(self, run_id: str) -> bool:
        with self.transaction(writes=True) as connection:
            sql = "UPDATE runs SET wants_cancel = 1 WHERE run_id = ? AND ended_at IS NULL"
            return bool(connection.execute(sql, (run_id,)).rowcount)

    def take(self, run_id: str, *, former: str | None, owner: str) -> AdoptedRun | None:
        whose, known = ("owner IS NULL", ()) if former is None else ("owner = ?", (former,))
        with self.transaction(writes=True) as connection:
            sql = (
                f"UPDATE runs SET owner = ? WHERE run_id = ? AND {whose} AND ended_at IS NULL "
                "RETURNING record, run_order, wants_cancel"
            )
            row = connection.execute(sql, (owner, run_id, *known)).fetchone()
            if row is None:
                return None
            sql = "SELECT coalesce(max(last), 0) FROM events WHERE run_id = ?"
            (last_event,) = connection.execute(sql, (run_id,)).fetchone()
        record, order, wants_cancel = row
        return AdoptedRun(
            record=_RECORD.decode(record),
            order=None if order is None else _ORDER.decode(order),
            wants_cancel=bool(wants_cancel),
            last_event=last_event,
        )

    def release(self, owner: str) -> None:
        with self.transaction(writes=True) as connection:
            connection.execute("UPDATE runs SET owner = NULL WHERE owner = ? AND status = 'queued'", (owner,))

    def forget(self, *, before: str, keep: int, keys_before: int, limit: int) -> int:
        old = (
            "SELECT run_id FROM runs WHERE ended_at IS NOT NULL AND run_id < ? ORDER BY run_id LIMIT ?",
            "SELECT run_id FROM runs WHERE ended_at IS NOT NULL ORDER BY run_id DESC LIMIT ? OFFSET ?",
        )
        with self.transaction(writes=False) as connection:
            aged = connection.execute(old[0], (before, limit)).fetchall()
            surplus = connection.execute(old[1], (limit, keep)).fetchall()
            keys = connection.execute(
                "SELECT key FROM idempotency_keys WHERE created_at < ? LIMIT ?", (keys_before, limit)
            ).fetchall()
        gone = list({tuple(row) for row in (*aged, *surplus)})
        if gone or keys:
            with self.transaction(writes=True) as connection:
                for table in ("runs", "events", "outputs", "idempotency_keys"):
                    connection.executemany(f"DELETE FROM {table} WHERE run_id = ?", gone)
                connection.executemany("DELETE FROM idempotency_keys WHERE key = ?", [tuple(key) for key in keys])
        return len(gone)

    # --- reading ---

    def read(self, run_id: str) -> RunRecord | None:
        with self.transaction(writes=False) as connection:
            row = connection.execute("SELECT record FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else _RECORD.decode(row[0])

    def find(self, query: RunQuery) -> RunPage:
        conditions = list(self._conditions(query))
        where = " AND ".join(["run_id IS NOT NULL", *(condition for condition, _ in conditions)])
        values = [value for _, value in conditions]
        with self.transaction(writes=False) as connection:
            sql = f"SELECT record FROM runs WHERE {where} ORDER BY run_id DESC LIMIT ?"
            rows = connection.execute(sql, (*values, query.limit + 1)).fetchall()
        runs = tuple(_RECORD.decode(row[0]) for row in rows[: query.limit])
        return RunPage(runs=runs, cursor=runs[-1].run_id if len(rows) > query.limit else None)

    def find_key(self, key: str, *, not_before: int) -> IdempotencyKey | None:
        with self.transaction(writes=False) as connection:
            sql = "SELECT digest, run_id, created_at FROM idempotency_keys WHERE key = ? AND created_at >= ?"
            row = connection.execute(sql, (key, not_before)).fetchone()
        return None if row is None else IdempotencyKey(key=key, digest=row[0], run_id=row[1], created_at=row[2])

    def output(self, run_id: str, name: str) -> bytes | None:
        with self.transaction(writes=False) as connection:
            sql = "SELECT value FROM outputs WHERE run_id = ? AND name = ?"
            row = connection.execute(sql, (run_id, name)).fetchone()
        return None if row is None else bytes(row[0])

    def events_of(self, run_id: str, *, after: int, limit: int) -> list[EventBatch]:
        with self.transaction(writes=False) as connection:
            sql = f"{_CHUNKS} WHERE run_id = ? AND last > ? ORDER BY last LIMIT ?"
            return [_chunk(row) for row in connection.execute(sql, (run_id, after, limit)).fetchall()]

    def events_behind(self, position: int, *, limit: int) -> list[EventBatch]:
        with self.transaction(writes=False) as connection:
            sql = f"{_CHUNKS} WHERE position > ? ORDER BY position LIMIT ?"
            return [_chunk(row) for row in connection.execute(sql, (position, limit)).fetchall()]

    def last_position(self) -> int:
        with self.transaction(writes=False) as connection:
            (position,) = connection.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
        return int(position)

    def asked_cancels(self, owner: str) -> list[str]:
        with self.transaction(writes=False) as connection:
            sql = "SELECT run_id FROM runs WHERE owner = ? AND ended_at IS NULL AND wants_cancel = 1"
            return [row[0] for row in connection.execute(sql, (owner,)).fetchall()]

    def orphans(self, owner: str, *, limit: int) -> list[tuple[RunId, str | None]]:
        with self.transaction(writes=False) as connection:
            sql = "SELECT DISTINCT owner FROM runs WHERE ended_at IS NULL AND owner <> ?"
            owners = [row[0] for row in connection.execute(sql, (owner,)).fetchall()]
            dead = self._absences.gone({found: self._presence(connection, found) for found in owners})
            marks = ", ".join("?" * len(dead)) or "NULL"
            sql = (
                f"SELECT run_id, owner FROM runs WHERE ended_at IS NULL AND (owner IS NULL OR owner IN ({marks})) "
                "ORDER BY run_id LIMIT ?"
            )
            return [(RunId(row[0]), row[1]) for row in connection.execute(sql, (*dead, limit)).fetchall()]

    def _conditions(self, query: RunQuery) -> Iterator[tuple[str, Any]]:
        if query.cursor is not None:
            yield "run_id < ?", query.cursor
        if query.status is not None:
            yield "status = ?", query.status
        if query.since is not None:
            yield "created_at >= ?", int(query.since.timestamp() * 1000)
        for facet in _facets([query.pipeline] if query.pipeline is not None else [], query.labels):
            yield self._contains("facets"), facet


def _insert(connection: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows by few statements: around each, a thread lets go of the interpreter and has to get it back."""
    for size in _ROWS_AT_ONCE:
        while len(rows) >= size:
            some, rows = rows[:size], rows[size:]
            marks = f"({', '.join('?' * len(some[0]))})"
            connection.execute(statement.format(rows=", ".join([marks] * size)), tuple(chain.from_iterable(some)))


def _put(connection: Any, entry: RunWrite) -> WriteResult:
    """Write a run's state; one without a key is there by now, if it was not before."""
    if entry.was is None and entry.key is not None and not _is_entered(connection, entry, entry.key):
        return "conflict"
    if entry.was is None and not entry.tried:
        return "stored"
    return _replace(connection, entry)


def _replace(connection: Any, entry: RunWrite) -> WriteResult:
    record = entry.record
    expected = (entry.was, *entry.tried, record.status) if entry.tried else (entry.was,)
    update = _UPDATE.format(marks=", ".join("?" * len(expected)))
    values = (record.status, entry.ended_at, encode(record), record.run_id, entry.owner, *expected)
    if not connection.execute(update, values).rowcount:
        return "lost"
    if entry.ended_at is not None:
        connection.execute(_DONE, (record.run_id,))
    return "stored"


def _is_entered(connection: Any, entry: RunWrite, key: IdempotencyKey) -> bool:
    """Enter a run under its key, unless the key stands for another run."""
    connection.execute(_OLD_KEY, (key.key, key.not_before))
    if not connection.execute(_KEY, (key.key, key.digest, key.run_id, key.created_at)).rowcount:
        (taken_by,) = connection.execute(_KEYS_RUN, (key.key,)).fetchone()
        # Its own run: this entry was written before, and only the news of that got lost.
        return bool(taken_by == key.run_id)
    _insert(connection, _INSERT, [_row(entry)])
    return True


def _row(entry: RunWrite) -> tuple[Any, ...]:
    record = entry.record
    facets = "".join(_facets(record.pipeline_names, record.labels)) if record.pipeline_names or record.labels else ""
    order = None if entry.order is None or entry.ended_at is not None else encode(entry.order)
    owner = entry.owner
    return record.run_id, record.status, owner, entry.created_at, entry.ended_at, facets, encode(record), order


def _facets(pipelines: Iterable[str], labels: Any) -> Iterator[str]:
    """What runs are filtered by, as lines that cannot be mistaken for parts of each other."""
    for name in pipelines:
        yield f"\npipeline={_text(name)}\n"
    for name, value in labels.items():
        yield f"\nlabel={_text(name)}={_text(value)}\n"


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("=", "\\e").replace("\0", "\\0")


def _chunk_row(chunk: EventBatch) -> tuple[Any, ...]:
    return chunk.run_id, chunk.first, chunk.last, int(chunk.is_last), chunk.payload


def _chunk(row: Sequence[Any]) -> EventBatch:
    position, run_id, first, last, is_last, payload = row
    return EventBatch(
        position=position, run_id=run_id, first=first, last=last, is_last=bool(is_last), payload=bytes(payload)
    )
