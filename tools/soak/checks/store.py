"""Whether the store is whole, and the events of each run are contiguous with exactly one end."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from soak.load.caller import Caller

_EVENTS = "SELECT run_id, first, last, is_last FROM events ORDER BY run_id, first"
_UNENDED = "SELECT run_id FROM runs WHERE ended_at IS NULL"
_WITHOUT_RUN = "SELECT DISTINCT run_id FROM {table} WHERE run_id NOT IN (SELECT run_id FROM runs)"


def check_store(store: str) -> list[str]:
    """Read the store by SQL, while no server uses it, and return what is wrong."""
    with closing(_connection(store)) as connection:
        found = [*_integrity(connection, store), *_events(connection), *_rows(connection)]
    return [*found, *_examined(store)]


def _examined(store: str) -> Iterator[str]:
    """The server's own command reads every record, order, event and output, and must agree."""
    line = [sys.executable, "-m", "kedro_asgi", "store", "check", "--store", store]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"'kedro-asgi store check' ends with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"


def _connection(store: str) -> Any:
    if store.startswith("postgresql:"):
        import psycopg

        return psycopg.connect(store, options="-c search_path=kedro_asgi")
    return sqlite3.connect(f"file:{Path(store)}?mode=ro", uri=True)


def _integrity(connection: Any, store: str) -> Iterator[str]:
    if not store.startswith("postgresql:"):
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            yield f"the store is damaged: {found}"


def _events(connection: Any) -> Iterator[str]:
    for run_id, rows in groupby(connection.execute(_EVENTS), key=lambda row: row[0]):
        expected, ends = 1, 0
        for _, first, last, is_last in rows:
            if first != expected or ends:
                yield f"run {run_id}: event {first} stands where event {expected} should"
            expected, ends = last + 1, ends + bool(is_last)
        if ends != 1:
            yield f"run {run_id} has {ends} ends among its events"


def _rows(connection: Any) -> Iterator[str]:
    for (run_id,) in connection.execute(_UNENDED).fetchall():
        yield f"run {run_id} has no end"
    for table in ("events", "outputs"):
        for (run_id,) in connection.execute(_WITHOUT_RUN.format(table=table)).fetchall():
            yield f"run {run_id} has rows in {table}, and no record"


async def check_event_streams(caller: Caller, run_ids: list[str], *, at_most: int = 300) -> list[str]:
    """Read the events of some runs over HTTP and return what is wrong."""
    problems = []
    for run_id in caller.random.sample(run_ids, min(len(run_ids), at_most)):
        text = (await caller.ask("GET", f"/runs/{run_id}/events")).text
        numbers = [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]
        if numbers != list(range(1, len(numbers) + 1)) or text.count('"event":"RunEnded"') != 1:
            problems.append(f"run {run_id}: its stream has the events {numbers}")
    return problems
