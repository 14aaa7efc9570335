"""A front-end server, a server and a worker over PostgreSQL, whose runs a Dask cluster executes: each may be killed."""

import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dask_processes import DaskProcesses
from database_server import DatabaseServer
from serving import Process, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

GATED = """
import os, time
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def work(number):
    with open("{folder}/journal", "a") as file:
        file.write(f"{number} {os.getpid()}\\n")
    while not Path("{folder}/gate").exists():
        time.sleep(0.01)
    return number

def register_pipelines():
    return {"__default__": Pipeline([node(work, "params:number", "worked", name="work")])}
"""


def test_runs_on_a_cluster_survive_their_face_and_a_worker_of_dask(
    make_project: Callable[..., Path],
    start: Callable[..., Process],
    database_server: DatabaseServer,
    tmp_path: Path,
) -> None:
    project = make_project(GATED.replace("{folder}", str(tmp_path)), parameters="number: 0\n")
    store = {"KEDRO_SERVER_STORE": database_server.make_database(f"test_{uuid.uuid4().hex}")}
    with DaskProcesses(project, tmp_path) as cluster:
        cluster.start_worker("one")
        cluster.start_worker("two")
        front_end = start("kedro_asgi", "serve", project, "--max-concurrent-runs", "0", "--executor", "dask", **store)
        options = ("--executor", "dask", "--dask-scheduler", cluster.scheduler, "--max-concurrent-runs", "1")
        server = start("kedro_asgi", "serve", project, *options, **store)
        start("kedro_asgi", "worker", project, *options, **store)
        runs = [submit(front_end, number) for number in range(5)]
        until(lambda: len(begun(tmp_path)) == 2, seconds=120)
        front_end.kill()
        (victim,) = (number for number, pid in begun(tmp_path) if pid == cluster.pid("one"))
        cluster.kill("one")
        cluster.start_worker("three")
        (tmp_path / "gate").touch()
        records = [httpx.get(f"{server.url}/runs/{run_id}?wait=60", timeout=90).json() for run_id in runs]
        listed = httpx.get(f"{server.url}/runs", timeout=60).json()["runs"]
    assert [record["status"] for record in records] == ["success"] * 5
    assert {run["run_id"] for run in listed} == set(runs)
    # A run is executed once, but for the one whose worker was killed.
    assert [record["run_attempt"] for record in records] == [1 + (number == victim) for number in range(5)]
    assert Counter(number for number, _ in begun(tmp_path)) == {n: 1 + (n == victim) for n in range(5)}


def submit(front_end: Process, number: int) -> str:
    body = {"params": {"number": number}, "on_interrupt": "rerun"}
    answer = httpx.post(f"{front_end.url}/runs", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.json()["run_id"]


def begun(folder: Path) -> list[tuple[int, int]]:
    """Return the number of each run that has begun, with the process that executes it."""
    journal = folder / "journal"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [(int(number), int(pid)) for number, pid in map(str.split, lines)]
