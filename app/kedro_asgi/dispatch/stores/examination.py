"""The contents of a store, and their faults."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

import msgspec

from kedro_asgi.dispatch.kept_outputs import is_columnar
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.maintenance import ReadableStore, pages
from kedro_asgi.dispatch.stores.rows import RECORD_COLUMNS, as_bytes, decode_record
from kedro_asgi.dispatch.stores.schema import MIGRATIONS
from kedro_asgi.dispatch.waiting_order import PackedOrder
from kedro_asgi.encoding import decode_json
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.failures import shown

_MAX_PROBLEMS = 100
_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_EVENTS = msgspec.json.Decoder(list[Any])
_EVENT_COLUMNS = "run_id, last, first, is_last, payload"

ProblemKind = Literal[
    "damaged_file",
    "unreadable_record",
    "unreadable_order",
    "unreadable_events",
    "unreadable_output",
    "missing_events",
    "missing_run",
]
OwnerState = Literal["alive", "missing", "dead", "none"]


class StoreProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong in a store, and the run that it is about."""

    kind: ProblemKind
    message: str
    run_id: str | None = None


class StoreOwner(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that has runs which have not ended; ``none`` stands for runs that wait for any worker."""

    worker: str | None
    state: OwnerState
    runs: int


class StoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a store, and its first problems.

    ``problem_count`` counts all problems, but at most 100 missing runs of each table. ``is_integrity_checked`` is false
    where the database cannot check its own files. A store of an earlier version than ``known_version`` is upgraded by
    the next server that starts.
    """

    store: str
    version: int
    known_version: int
    size_bytes: int
    is_integrity_checked: bool
    runs: Mapping[str, int]
    event_batches: int
    outputs: int
    idempotency_keys: int
    owners: tuple[StoreOwner, ...]
    problems: tuple[StoreProblem, ...]
    problem_count: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem_count


class _Counts:
    """The counts of the examination so far."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.event_batches = 0
        self.outputs = 0
        self.idempotency_keys = 0
        self.owners: tuple[StoreOwner, ...] = ()


def examine(store: ReadableStore) -> StoreReport:
    """Read all that is in a store, in one snapshot; servers may go on writing."""
    version, size = store.version(), store.size_bytes()
    integrity = store.integrity_problems()
    problems = [StoreProblem(kind="damaged_file", message=message) for message in integrity or ()]
    counts = _Counts()
    try:
        with store.transaction(writes=False) as connection:
            problems += _problems_of_contents(connection, counts)
            counts.owners = tuple(_owners(store, connection))
    except StoreUnavailableError as error:
        # A file that is damaged so much that the rest of it cannot be read.
        damage = StoreProblem(kind="damaged_file", message=error.reason)
        problems += () if damage in problems else (damage,)
    return StoreReport(
        store=store.name,
        version=version,
        known_version=len(MIGRATIONS),
        size_bytes=size,
        is_integrity_checked=integrity is not None,
        runs=dict(sorted(counts.runs.items())),
        event_batches=counts.event_batches,
        outputs=counts.outputs,
        idempotency_keys=counts.idempotency_keys,
        owners=counts.owners,
        problems=tuple(problems[:_MAX_PROBLEMS]),
        problem_count=len(problems),
    )


def _problems_of_contents(connection: SqlConnection, counts: _Counts) -> Iterator[StoreProblem]:
    ended = set[str]()
    for row in pages(connection, f"{RECORD_COLUMNS}, ended_at, run_order", "runs", ["run_id"]):
        run_id, status, ended_at = row[0], row[1], row[4]
        counts.runs[status] += 1
        if ended_at is not None:
            ended.add(run_id)
        yield from _problems_of_run(row)
    rows = pages(connection, _EVENT_COLUMNS, "events", ["run_id", "last"], size=50)
    for run_id, batches in groupby(rows, key=lambda row: str(row[0])):
        yield from _problems_of_events(run_id, batches, counts, has_ended=run_id in ended)
    for run_id, name, value in pages(connection, "run_id, name, value", "outputs", ["run_id", "name"], size=1):
        counts.outputs += 1
        # A stream of Arrow is read by its reader alone, whose library few processes import.
        content = as_bytes(value)
        if not is_columnar(content) and (problem := _decoding_problem(content, _ANYTHING)) is not None:
            yield StoreProblem(kind="unreadable_output", run_id=run_id, message=f"Output '{name}': {problem}")
    (counts.idempotency_keys,) = connection.execute("SELECT count(*) FROM idempotency_keys").fetchone()
    for table in ("events", "outputs", "idempotency_keys"):
        yield from _without_run(connection, table)


def _problems_of_run(row: Sequence[Any]) -> Iterator[StoreProblem]:
    *columns, _, order = row
    run_id = row[0]
    try:
        decode_record(columns)
    except Exception as error:  # such as a damaged file, or a status of a later version
        yield StoreProblem(kind="unreadable_record", run_id=run_id, message=shown(str(error)))
    try:
        if order is not None:
            PackedOrder(content=as_bytes(order)).read_order()
    except Exception as error:
        yield StoreProblem(kind="unreadable_order", run_id=run_id, message=shown(str(error)))


def _problems_of_events(
    run_id: str, batches: Iterable[Sequence[Any]], counts: _Counts, *, has_ended: bool
) -> Iterator[StoreProblem]:
    """Yield what is wrong with the batches of a run: they are numbered from 1 without a gap, up to the end of it."""
    before, has_end = 0, False
    for _, last, first, is_last, payload in batches:
        counts.event_batches += 1
        if first != before + 1:
            message = f"Event {before + 1} is followed by event {first}." if before else f"Event {first} is the first."
            yield StoreProblem(kind="missing_events", run_id=run_id, message=message)
        yield from _problems_of_batch(run_id, first, last, payload)
        before, has_end = last, bool(is_last)
    if has_ended and not has_end:
        message = f"The run has ended, and event {before} is the last but not the end."
        yield StoreProblem(kind="missing_events", run_id=run_id, message=message)


def _problems_of_batch(run_id: str, first: int, last: int, payload: Any) -> Iterator[StoreProblem]:
    try:
        count = len(decode_json(as_bytes(payload), _EVENTS))
    except Exception as error:
        yield StoreProblem(kind="unreadable_events", run_id=run_id, message=f"Events {first} to {last}: {error}")
    else:
        if count != last - first + 1:
            message = f"Events {first} to {last} are {count} events."
            yield StoreProblem(kind="missing_events", run_id=run_id, message=message)


def _decoding_problem(value: Any, decoder: msgspec.json.Decoder[Any]) -> str | None:
    try:
        decode_json(as_bytes(value), decoder)
    except Exception as error:  # such as too many levels or digits
        return shown(str(error))
    return None


def _without_run(connection: SqlConnection, table: str) -> Iterator[StoreProblem]:
    sql = (
        f"SELECT DISTINCT run_id FROM {table} WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = {table}.run_id)"
    )
    what = table.replace("_", " ")
    for (run_id,) in connection.execute(f"{sql} LIMIT {_MAX_PROBLEMS}").fetchall():
        yield StoreProblem(kind="missing_run", run_id=run_id, message=f"There are {what} of the run, which is missing.")


def _owners(store: ReadableStore, connection: SqlConnection) -> Iterator[StoreOwner]:
    sql = "SELECT owner, count(*) FROM runs WHERE ended_at IS NULL GROUP BY owner ORDER BY owner"
    for worker, runs in connection.execute(sql).fetchall():
        state: OwnerState = "none" if worker is None else store.worker_status(worker, connection)
        yield StoreOwner(worker=worker, state=state, runs=runs)
