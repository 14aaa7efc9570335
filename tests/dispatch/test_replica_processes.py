"""Servers and workers as processes over one PostgreSQL database: they are killed, paused and cut off from it."""

import os
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import psycopg
import pytest

from database_server import DatabaseServer, postgres_binaries
from kedro_asgi.client import AsyncClient
from kedro_asgi.events import NodeStarted, RunEnded, RunEvent
from serving import Process, until

Start = Callable[..., Process]

JOURNAL = """
import time
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.run_context import CURRENT_RUN

def note(seconds):
    with open("{folder}/journal", "a") as file:
        file.write(CURRENT_RUN.get()[0] + "\\n")
    while seconds < 0 and not Path("{folder}/gate").exists():
        time.sleep(0.01)
    time.sleep(max(seconds, 0))
    return seconds

def register_pipelines():
    return {"__default__": Pipeline([node(note, "params:seconds", "noted", name="note")])}
"""
FINAL = {"success", "failure", "cancelled", "timed_out", "interrupted"}


@pytest.fixture
def project(make_project: Callable[..., Path], tmp_path: Path) -> Path:
    return make_project(JOURNAL.replace("{folder}", str(tmp_path)), parameters="seconds: 0.0\n")


def submit(server: Process, **body: object) -> str:
    answer = httpx.post(f"{server.url}/runs", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.json()["run_id"]


def ended(server: Process, run_id: str) -> dict:
    return httpx.get(f"{server.url}/runs/{run_id}", params={"wait": 60}, timeout=90).json()


def test_workers_execute_what_a_server_promises_and_leave_the_rest_to_each_other(
    project: Path, start: Start, tmp_path: Path, database_server: DatabaseServer
) -> None:
    url = database_server.make_database(f"test_{uuid.uuid4().hex}")
    options = {"KEDRO_SERVER_STORE": url, "KEDRO_SERVER_MAX_CONCURRENT_RUNS": "1"}
    front_end = start("kedro_asgi", "serve", project, "--max-concurrent-runs", "0", KEDRO_SERVER_STORE=url)
    first = start("kedro_asgi", "worker", project, **options)
    runs = [submit(front_end, params={"seconds": 0.05}) for _ in range(20)]
    until(lambda: (tmp_path / "journal").exists())
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(60) == 0
    second = start("kedro_asgi", "worker", project, **options)
    assert {ended(front_end, run_id)["status"] for run_id in runs} == {"success"}
    assert Counter((tmp_path / "journal").read_text().split()) == Counter(runs)
    answer = httpx.post(f"{front_end.url}/run", json={"outputs": ["noted"]}, timeout=60).json()
    assert answer["outputs"] == {"noted": 0.0}
    assert "Traceback" not in front_end.log() + first.log() + second.log()


@pytest.mark.slow
def test_any_server_follows_and_cancels_what_a_worker_executes(
    project: Path, start: Start, tmp_path: Path, database_server: DatabaseServer
) -> None:
    url = database_server.make_database(f"test_{uuid.uuid4().hex}")
    first, second = (
        start("kedro_asgi", "serve", project, "--max-concurrent-runs", "0", KEDRO_SERVER_STORE=url) for _ in range(2)
    )
    start("kedro_asgi", "worker", project, KEDRO_SERVER_STORE=url)
    stopped, whole = submit(first, params={"seconds": -1.0}), submit(first)
    told = anyio.run(cancel_when_it_has_begun, second, stopped, tmp_path / "gate")
    assert [type(event) for event in told][-1] is RunEnded
    assert {ended(server, stopped)["status"] for server in (first, second)} == {told[-1].status} == {"cancelled"}
    # A follower that comes later, and to the other server, is told the same.
    assert anyio.run(events_of, first, stopped) == told
    assert anyio.run(events_of, second, whole)[-1].status == "success"


async def cancel_when_it_has_begun(server: Process, run_id: str, gate: Path) -> list[RunEvent]:
    told = []
    async with AsyncClient(server.url) as client:
        async for event in client.events(run_id):
            told.append(event)
            if isinstance(event, NodeStarted):
                await client.cancel(run_id)
                while not (await client.read(run_id)).is_stopping:
                    await anyio.sleep(0.02)
                gate.touch()
    return told


async def events_of(server: Process, run_id: str) -> list[RunEvent]:
    async with AsyncClient(server.url) as client:
        return [event async for event in client.events(run_id)]


@pytest.fixture
def own_database() -> Iterator[DatabaseServer]:
    """A PostgreSQL server that a test may stop."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed")
    server = DatabaseServer(binaries).start()
    yield server
    server.close()


class Load:
    """Submits runs to servers in turn, in a thread, as clients do that repeat what was not answered."""

    def __init__(self, servers: list[Process], *, count: int) -> None:
        self.promised: dict[int, str] = {}
        self.count = count
        self._servers = servers
        self._thread = threading.Thread(target=anyio.run, args=(self._submit_all,))
        self._thread.start()

    def wait_for(self, count: int) -> None:
        until(lambda: len(self.promised) >= count, seconds=300)

    def join(self) -> None:
        self._thread.join(300)
        assert len(self.promised) == self.count

    async def _submit_all(self) -> None:
        numbers = iter(range(self.count))
        async with anyio.create_task_group() as tasks:
            for place in range(8):
                tasks.start_soon(self._submit, self._servers[place % len(self._servers)], numbers)

    async def _submit(self, server: Process, numbers: Iterator[int]) -> None:
        async with AsyncClient(server.url, retries=20, timeout_seconds=30) as client:
            for number in numbers:
                seconds = 1.0 if number % 50 == 0 else 0.01
                record = await client.submit(params={"seconds": seconds}, on_interrupt="rerun")
                self.promised[number] = record.run_id


def owners_of_running(url: str, run_ids: list[str]) -> set[int]:
    query = "SELECT owner FROM kedro_asgi.runs WHERE status = 'running' AND run_id = ANY(%s)"
    with psycopg.connect(url) as connection:
        rows = connection.execute(query, (run_ids,)).fetchall()
    return {int(owner.partition("-")[0]) for (owner,) in rows}


def all_records(server: Process) -> dict[str, dict]:
    records: dict[str, dict] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = httpx.get(f"{server.url}/runs", params=query, timeout=60).json()
        records.update({run["run_id"]: run for run in page["runs"]})
        cursor = page["cursor"]
    return records


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_run_is_lost_or_executed_twice_whatever_dies(
    project: Path, start: Start, tmp_path: Path, own_database: DatabaseServer
) -> None:
    url = own_database.make_database("replicas")
    options = {
        "KEDRO_SERVER_STORE": url,
        "KEDRO_SERVER_MAX_CONCURRENT_RUNS": "2",
        "KEDRO_SERVER_MAX_QUEUED_RUNS": "5000",
        "KEDRO_SERVER_MAX_ATTEMPTS": "9",
    }
    servers = [start("kedro_asgi", "serve", project, **options) for _ in range(2)]
    workers = [start("kedro_asgi", "worker", project, **options) for _ in range(2)]
    load = Load(servers, count=2000)
    for place, process in enumerate([*workers, *servers], 1):
        load.wait_for(200 * place)
        process.kill()
        process.restart()
    # A worker is paused, and the database loses its connections: the others take its runs, then it comes back.
    # It has a run that cannot end before, since as many runs as there are slots wait at a gate.
    paused = workers[0]
    gated = [submit(servers[0], params={"seconds": -1.0}, on_interrupt="rerun") for _ in range(8)]
    until(lambda: paused.process.pid in owners_of_running(url, gated), seconds=400)
    os.kill(paused.process.pid, signal.SIGSTOP)
    (tmp_path / "gate").touch()
    own_database.stop()
    # A server says so when a write fails, and one of them may have none at this moment.
    until(lambda: any(httpx.get(f"{server.url}/ready", timeout=60).json().get("store") for server in servers))
    assert httpx.get(f"{servers[0].url}/health", timeout=60).status_code == 200
    own_database.start()
    until(lambda: paused.process.pid not in owners_of_running(url, gated), seconds=120)
    os.kill(paused.process.pid, signal.SIGCONT)
    paused.log_with("was taken over by another worker")
    load.join()
    until(lambda: {run["status"] for run in all_records(servers[1]).values()} <= FINAL, seconds=300)
    promised = [*load.promised.values(), *gated]
    check(all_records(servers[1]), promised, Counter((tmp_path / "journal").read_text().split()))


def check(records: dict[str, dict], promised: list[str], journal: Counter[str]) -> None:
    assert {run["status"] for run in records.values()} <= {"success", "interrupted"}
    assert set(promised) <= set(records)
    # A run id is executed once; one that was killed in the middle is repeated under another id.
    assert max(journal.values()) == 1
    assert set(journal) <= set(records)
    chains = {run["resubmission_of"]: run for run in records.values() if run["resubmission_of"]}
    assert len(records) == len(promised) + len(chains)
    for run_id in promised:
        last = records[run_id]
        while last["status"] == "interrupted":
            last = chains[last["run_id"]]
        assert last["run_id"] in journal
