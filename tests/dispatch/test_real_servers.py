"""Real servers that are killed, stopped, disconnected, or out of disk."""

import json
import os
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import anyio
import httpx
import pytest

from kedro_asgi.client import AsyncClient
from kedro_asgi.events import NodeFinished, RunEnded
from serving import Process

Start = Callable[..., Process]

FINAL = {"success", "failure", "cancelled", "timed_out", "interrupted"}


# The time that httpx gives a server by itself is too short for a busy machine.
get = partial(httpx.get, timeout=60)
post = partial(httpx.post, timeout=60)


def submit(server: Process, *, wait: float = 0, **body: object) -> dict:
    answer = httpx.post(f"{server.url}/runs", params={"wait": wait}, json=body, timeout=wait + 60)
    assert answer.status_code == 202, answer.text
    return answer.json()


def sleeping(server: Process, seconds: float, **body: object) -> dict:
    return submit(server, pipeline_names=["sleep"], params={"seconds": seconds}, **body)


def held(server: Process, **body: object) -> dict:
    """Submit a run that goes on after `let_go`, and return it when it is running."""
    run = submit(server, pipeline_names=["held"], **body)
    until(lambda: read(server, run)["status"] == "running")
    return run


def let_go(tmp_path: Path) -> None:
    (tmp_path / "opened").touch()


def metrics(server: Process) -> str:
    return get(f"{server.url}/metrics").text


def read(server: Process, run: dict, *, wait: float = 0) -> dict:
    answer = httpx.get(f"{server.url}/runs/{run['run_id']}", params={"wait": wait}, timeout=wait + 60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "that did not become true in time"
        time.sleep(0.02)


# --- kill -9 ---


def test_after_a_kill_every_promised_run_is_there(work: Path, start: Start, tmp_path: Path, shared_store: str) -> None:
    server = start("kedro_asgi", "serve", work, "--store", shared_store, KEDRO_SERVER_MAX_CONCURRENT_RUNS="2")
    running = [sleeping(server, 60) for _ in range(2)]
    until(lambda: all(read(server, run)["status"] == "running" for run in running))
    queued = [submit(server, pipeline_names=["count"], params={"a": n}, labels={"n": str(n)}) for n in range(5)]
    server.kill()
    server.restart()
    for run in running:
        record = read(server, run, wait=30)
        assert (record["status"], record["resubmitted_as"]) == ("interrupted", None)
        assert record["error"]["type"] == "RunInterruptedError"
    records = [read(server, run, wait=30) for run in queued]
    assert {record["status"] for record in records} == {"success"}
    assert [record["labels"]["n"] for record in records] == list("01234")
    assert sorted((tmp_path / "started").read_text().split()) == list("01234")


def test_an_interrupted_run_is_repeated_where_its_caller_asked(work: Path, start: Start, tmp_path: Path) -> None:
    server = start("kedro_asgi", "serve", work)
    run = held(server, on_interrupt="rerun", labels={"team": "ml"}, outputs=["second"])
    # The server answers that the run is running a moment before that is on disk.
    worker_of_a_running_run(work)
    server.kill()
    let_go(tmp_path)
    server.restart()
    until(lambda: read(server, run)["status"] == "interrupted")
    successor = read(server, {"run_id": read(server, run)["resubmitted_as"]}, wait=30)
    assert (successor["status"], successor["attempt"], successor["labels"]) == ("success", 2, {"team": "ml"})
    assert successor["resubmission_of"] == run["run_id"]


@pytest.mark.slow
def test_queued_runs_may_be_marked_instead(work: Path, start: Start) -> None:
    options = {"KEDRO_SERVER_MAX_CONCURRENT_RUNS": "1", "KEDRO_SERVER_ON_RESTART": "mark"}
    server = start("kedro_asgi", "serve", work, **options)
    sleeping(server, 60)
    queued = submit(server)
    server.kill()
    server.restart()
    assert read(server, queued, wait=30)["status"] == "interrupted"


def test_a_cancel_outlives_a_kill(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work)
    run = sleeping(server, 60, on_interrupt="rerun")
    until(lambda: read(server, run)["status"] == "running")
    post(f"{server.url}/runs/{run['run_id']}/cancel")
    server.kill()
    server.restart()
    until(lambda: read(server, run)["status"] in FINAL)
    assert read(server, run)["resubmitted_as"] is None


def test_an_idempotency_key_outlives_a_kill(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work)
    headers = {"Idempotency-Key": "k"}
    first = post(f"{server.url}/run", json={"outputs": ["d"]}, headers=headers).json()
    server.kill()
    server.restart()
    assert post(f"{server.url}/run", json={"outputs": ["d"]}, headers=headers).json() == first


# --- SIGTERM ---


def test_sigterm_lets_runs_end_and_keeps_the_queue(work: Path, start: Start, tmp_path: Path) -> None:
    options = {"KEDRO_SERVER_MAX_CONCURRENT_RUNS": "1", "KEDRO_SERVER_GRACE_SECONDS": "60"}
    server = start("kedro_asgi", "serve", work, **options)
    running = held(server)
    queued = submit(server, outputs=["d"])
    server.process.send_signal(signal.SIGTERM)
    until(lambda: get(f"{server.url}/ready").json() == {"status": "draining"})
    for path in ("/run", "/runs"):
        refused = post(f"{server.url}{path}", json={})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:kedro-asgi:problem:draining")
    assert get(f"{server.url}/health").status_code == 200
    let_go(tmp_path)
    assert server.process.wait(60) == 0
    server.restart()
    assert read(server, running)["status"] == "success"
    assert read(server, queued, wait=30)["status"] == "success"
    assert "Traceback" not in server.log()


def test_after_the_grace_the_rest_is_cancelled_and_the_exit_code_is_0(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_GRACE_SECONDS="0.3")
    stuck = sleeping(server, 600)
    awaiting = submit(server, pipeline_names=["wait"], params={"seconds": 600})
    until(lambda: read(server, awaiting)["status"] == "running" == read(server, stuck)["status"])
    with httpx.stream("GET", f"{server.url}/events", timeout=60) as stream:
        until(lambda: "kedro_asgi_event_readers 1" in metrics(server))
        server.process.send_signal(signal.SIGTERM)
        assert sum('"status":"cancelled"' in line for line in stream.iter_lines()) == 2
    assert server.process.wait(60) == 0
    server.restart()
    assert {read(server, run)["status"] for run in (stuck, awaiting)} == {"cancelled"}


# --- broken connections ---


def hang_up(server: Process) -> dict:
    """Start a held run, hang up, and return the run."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as caller:
        caller.request("POST", "/run", json.dumps({"pipeline_names": ["held"]}), {"Content-Type": "application/json"})
        until(lambda: [run["status"] for run in listed(server)] == ["running"])
    return listed(server)[0]


def listed(server: Process) -> list[dict]:
    return get(f"{server.url}/runs").json()["runs"]


def test_a_run_goes_on_when_its_client_hangs_up(work: Path, start: Start, tmp_path: Path) -> None:
    server = start("kedro_asgi", "serve", work)
    run = hang_up(server)
    let_go(tmp_path)
    assert read(server, run, wait=30)["status"] == "success"


def test_a_setting_cancels_the_run_of_a_client_that_hangs_up(work: Path, start: Start, tmp_path: Path) -> None:
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_CANCEL_ON_HANG_UP="1")
    run = hang_up(server)
    # It ends at once if its first node has yet to start.
    until(lambda: (now := read(server, run))["is_stopping"] or now["status"] in FINAL)
    let_go(tmp_path)
    assert read(server, run, wait=30)["status"] == "cancelled"


@pytest.mark.slow
def test_a_client_that_does_not_read_delays_no_run(work: Path, start: Start) -> None:
    options = {"KEDRO_SERVER_MAX_LOG_LINES": "100000", "KEDRO_SERVER_MAX_BUFFERED_EVENTS": "100"}
    server = start("kedro_asgi", "serve", work, **options)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.recv(100)
        for _ in range(12):
            noisy = submit(server, wait=30, pipeline_names=["lines"], params={"count": 3000})
            assert noisy["status"] == "success"
        until(lambda: "kedro_asgi_event_readers 1" in metrics(server))
        slow.settimeout(60)
        told = b""
        while b"EventsLost" not in told:
            told = told[-100:] + slow.recv(2**20)
    until(lambda: "kedro_asgi_event_readers 0" in metrics(server))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_client_resumes_where_the_connection_broke(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_MAX_CONCURRENT_RUNS="1", KEDRO_SERVER_GRACE_SECONDS="0")
    async with AsyncClient(server.url, retries=20) as client:
        await client.submit("wait", params={"seconds": 60})
        run = await client.submit("slow", params={"seconds": 0.1})
        told = []
        async with anyio.create_task_group() as tasks:

            async def follow() -> None:
                async for event in client.events(run.run_id):
                    told.append(event)

            tasks.start_soon(follow)
            with anyio.fail_after(60):
                while not told:
                    await anyio.sleep(0.01)
            server.kill()
            await anyio.to_thread.run_sync(server.restart)
        record = await client.wait(run.run_id)
    assert record.status == "success"
    assert [event.sequence for event in told] == list(range(1, len(told) + 1))
    assert isinstance(told[-1], RunEnded)
    assert len([event for event in told if isinstance(event, NodeFinished)]) == 3


# --- several workers ---


def test_any_worker_answers_for_any_run(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, "--workers", "2")
    runs = [sleeping(server, 0.3, outputs=["slept"]) for _ in range(12)]
    for run in runs:
        for _ in range(3):
            assert read(server, run)["run_id"] == run["run_id"]
    for run in runs:
        assert read(server, run, wait=30)["status"] == "success"
        assert get(f"{server.url}/runs/{run['run_id']}/outputs/slept").json() == 0.3
        events = get(f"{server.url}/runs/{run['run_id']}/events").text
        assert events.count('"event":"RunEnded"') == 1


@pytest.mark.slow
def test_any_worker_streams_and_cancels_any_run(work: Path, start: Start, shared_store: str) -> None:
    server = start("kedro_asgi", "serve", work, "--workers", "2", "--store", shared_store)
    for _ in range(4):
        run = submit(server, pipeline_names=["wait"], params={"seconds": 60})
        told: list[str] = []

        def listen(run: dict = run, told: list[str] = told) -> None:
            with httpx.stream("GET", f"{server.url}/runs/{run['run_id']}/events", timeout=60) as stream:
                told.extend(line for line in stream.iter_lines() if line.startswith("data:"))

        listener = threading.Thread(target=listen)
        listener.start()
        until(lambda told=told, run=run: read(server, run)["status"] == "running")
        post(f"{server.url}/runs/{run['run_id']}/cancel")
        assert read(server, run, wait=30)["status"] == "cancelled"
        listener.join(60)
        assert json.loads(told[-1].removeprefix("data: "))["status"] == "cancelled"


@pytest.mark.slow
def test_one_key_at_many_workers_is_one_run(work: Path, start: Start, tmp_path: Path) -> None:
    server = start("kedro_asgi", "serve", work, "--workers", "2")
    body = {"pipeline_names": ["count"]}

    def ask(number: int) -> str:
        answer = post(f"{server.url}/runs", json=body, headers={"Idempotency-Key": "k"})
        return answer.json()["run_id"]

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(ask, range(40)))) == 1
    assert read(server, {"run_id": ask(0)}, wait=30)["status"] == "success"
    assert (tmp_path / "started").read_text() == "1\n"


def worker_of_a_running_run(work: Path) -> int:
    owners: list[tuple[str]] = []

    def are_found() -> bool:
        with closing(sqlite3.connect(work / ".kedro-asgi" / "runs.db")) as connection:
            owners.extend(connection.execute("SELECT owner FROM runs WHERE status = 'running'").fetchall())
        return bool(owners)

    until(are_found)
    return int(owners[0][0].partition("-")[0])


@pytest.mark.slow
def test_other_workers_adopt_the_runs_of_a_dead_one(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, "--workers", "2", KEDRO_SERVER_MAX_CONCURRENT_RUNS="1")
    runs = [sleeping(server, 1.0, on_interrupt="rerun") for _ in range(6)]
    os.kill(worker_of_a_running_run(work), signal.SIGKILL)
    records = []
    for run in runs:
        with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
            answer = client.get(f"{server.url}/runs/{run['run_id']}", params={"wait": 60}, timeout=120)
        records.append(answer.json())
    interrupted = [record for record in records if record["status"] == "interrupted"]
    assert {record["status"] for record in records} <= {"success", "interrupted"}
    assert len(interrupted) <= 1
    for record in interrupted:
        assert read(server, {"run_id": record["resubmitted_as"]}, wait=30)["status"] == "success"


@pytest.mark.slow
def test_a_worker_that_is_silent_for_a_while_is_not_dead(work: Path, start: Start, tmp_path: Path) -> None:
    """A node that holds the interpreter's lock silences its worker in the same way."""
    server = start("kedro_asgi", "serve", work, "--workers", "2")
    run = held(server)
    pid = worker_of_a_running_run(work)
    os.kill(pid, signal.SIGSTOP)
    # Longer than uvicorn's supervisor waits for an answer, and between two looks.
    time.sleep(7)
    os.kill(pid, signal.SIGCONT)
    let_go(tmp_path)
    with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
        record = client.get(f"{server.url}/runs/{run['run_id']}", params={"wait": 60}, timeout=120).json()
    assert record["status"] == "success"


def test_sigterm_ends_all_workers_with_code_0(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, "--workers", "2", KEDRO_SERVER_GRACE_SECONDS="60")
    runs = [sleeping(server, 0.5) for _ in range(6)]
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    server.restart()
    assert {read(server, run, wait=30)["status"] for run in runs} == {"success"}


# --- no space to write ---


@contextmanager
def full_disk(server: Process) -> Iterator[None]:
    """Let no file of the server grow beyond a few bytes."""
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_reported_and_loses_no_promised_run(work: Path, start: Start, tmp_path: Path) -> None:
    # One at a time: the runs save the same file, which another one might find half written.
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_MAX_CONCURRENT_RUNS="1")
    promised = [submit(server, pipeline_names=["held"]) for _ in range(4)]
    until(lambda: read(server, promised[0])["status"] == "running")
    with full_disk(server):
        refused = post(f"{server.url}/runs", json={})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:kedro-asgi:problem:store-unavailable")
        assert get(f"{server.url}/ready").json()["store"]
        assert len(get(f"{server.url}/runs").json()["runs"]) == 4
        let_go(tmp_path)
        for _ in range(20):
            assert post(f"{server.url}/run", json={"outputs": ["d"]}).json()["outputs"] == {"d": 6}
    for run in promised:
        record = read(server, run, wait=30)
        assert record["status"] == "success", record["error"]
    until(lambda: get(f"{server.url}/ready").json() == {"status": "ready"})
    assert submit(server, wait=30)["status"] == "success"
    until(lambda: len(get(f"{server.url}/runs").json()["runs"]) == 25)


def test_a_store_that_cannot_be_created_is_reported(work: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_STORE="/proc/nowhere/runs.db")
    assert post(f"{server.url}/run", json={"outputs": ["d"]}).json()["outputs"] == {"d": 6}
    assert post(f"{server.url}/runs", json={}).status_code == 503
    assert "/proc/nowhere" in get(f"{server.url}/ready").json()["store"]
    server.log_with("The store of runs is not available")
    assert "kedro_asgi_store_up 0" in get(f"{server.url}/metrics").text


def test_a_store_of_a_newer_version_ends_the_start_up(work: Path, command, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    done = command("serve", work, "--port", "0", environ={"KEDRO_SERVER_STORE": str(tmp_path / "runs.db")})
    assert done.returncode != 0
    assert "has schema version 99" in done.stderr
    assert "kedro_asgi/dispatch/" not in done.stderr


# --- all of it ---


@pytest.mark.parametrize(
    ("count", "clients"),
    [(300, 10), pytest.param(10_000, 50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_no_run_is_lost_or_run_twice_however_often_the_server_dies(
    work: Path, start: Start, tmp_path: Path, count: int, clients: int, workers: int
) -> None:
    options = {"KEDRO_SERVER_MAX_QUEUED_RUNS": str(count)}
    server = start("kedro_asgi", "serve", work, "--workers", workers, **options)
    promised: dict[int, str] = {}
    kills = 3

    async def one(client: AsyncClient, numbers: Iterator[int]) -> None:
        for number in numbers:
            record = await client.submit("count", params={"a": number}, labels={"number": str(number)})
            promised[number] = record.run_id

    async def load() -> None:
        numbers = iter(range(count))
        async with (
            AsyncClient(server.url, retries=12, timeout_seconds=30) as client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(clients):
                tasks.start_soon(one, client, numbers)

    loader = threading.Thread(target=anyio.run, args=(load,))
    loader.start()
    for kill in range(1, kills + 1):
        until(lambda kill=kill: len(promised) >= count * kill // (kills + 1), seconds=600)
        server.kill()
        server.restart()
    loader.join(600)
    assert len(promised) == count

    records: dict[str, dict] = {}

    def all_have_ended() -> bool:
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
            page = get(f"{server.url}/runs", params=query).json()
            records.update({run["run_id"]: run for run in page["runs"]})
            cursor = page["cursor"]
        return all(run["status"] in FINAL for run in records.values())

    until(all_have_ended, seconds=600)
    assert set(records) == set(promised.values())
    started = Counter(int(line) for line in (tmp_path / "started").read_text().split())
    assert max(started.values()) == 1
    by_number = {int(run["labels"]["number"]): run for run in records.values()}
    assert {run["status"] for run in records.values()} <= {"success", "interrupted"}
    assert {number for number, run in by_number.items() if run["status"] == "success"} <= set(started)
