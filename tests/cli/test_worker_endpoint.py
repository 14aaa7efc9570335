"""``kedro-asgi worker --metrics-port``: scrapes and probes, what is refused, and that it keeps no process."""

import itertools
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from serving import Process, free_port, until

Counts: TypeAlias = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]

ENDED = "kedro_asgi_runs_ended_total", (("pipeline", "__default__"), ("status", "success"))
WORKERS = "kedro_asgi_workers", ()
OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0, text/plain; q=0.5"}
# The project opens when a test makes a file.
WAITS = """
import time
while not Path("{folder}", "may-open").exists():
    time.sleep(0.01)
"""


class Worker:
    """A worker command with a port for probes."""

    def __init__(self, project: Path, *options: str, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        line = ["kedro_asgi", "worker", str(project), "--metrics-port", str(self.port), *options]
        self.command = Process(line, cwd=project.parent, environ=environ, serves_http=False)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=headers)

    def status(self) -> tuple[int, str]:
        """Return what ``/ready`` answers, or nothing before the port listens."""
        with suppress(httpx.ConnectError):
            answer = self.get("/ready")
            return answer.status_code, answer.json()["status"]
        assert self.command.process.poll() is None, self.command.log()
        return 0, ""

    def counts(self) -> Counts:
        """Return the samples of all counters and histograms, and the number of processes."""
        families = text_string_to_metric_families(self.get("/metrics").raise_for_status().text)
        samples = [(family.type, sample) for family in families for sample in family.samples]
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for kind, sample in samples
            if kind in ("counter", "histogram") or sample.name == WORKERS[0]
        }

    def pids(self) -> list[int]:
        """Return the processes that have executed runs, the oldest first."""
        return [int(pid) for pid in re.findall(r"Worker \[(\d+)\] executes", self.command.log())]

    def end(self) -> None:
        self.command.process.send_signal(signal.SIGTERM)
        assert self.command.process.wait(120) == 0
        assert "Traceback" not in self.command.log()


@pytest.fixture
def start_worker() -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def begin(project: Path, *options: str, **environ: str) -> Worker:
        started.append(Worker(project, *options, **environ))
        return started[-1]

    yield begin
    for worker in started:
        worker.command.close()


@pytest.fixture
def front_end(work: Path, start: Callable[..., Process]) -> Process:
    """A server that leaves all runs to workers."""
    return start("kedro_asgi", "serve", work, "--max-concurrent-runs", "0")


def submit(server: Process, **order: object) -> str:
    run_id: str = httpx.post(f"{server.url}/runs", json=order).raise_for_status().json()["run_id"]
    return run_id


def run(server: Process) -> None:
    record = httpx.get(f"{server.url}/runs/{submit(server)}", params={"wait": 60}).json()
    assert record["status"] == "success"


@pytest.mark.parametrize(
    ("options", "environ", "problem"),
    [
        (["--metrics-port", "0"], {}, "'--metrics-port': 0 is not in the range"),
        (["--metrics-port", "http"], {}, "'--metrics-port': 'http' is not a valid"),
        ([], {"KEDRO_SERVER_METRICS_PORT": "65536"}, "65536 is not in the range"),
    ],
)
def test_a_port_that_cannot_be_is_refused(tiny: Path, command, options, environ, problem: str) -> None:
    done = command("worker", tiny, *options, environ=environ)
    assert done.returncode == 2
    assert problem in done.stderr


@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1", "Address already in use"), ("nowhere.invalid", ""), ("a..b", "")]
)
def test_an_address_that_is_taken_or_unknown_is_one_line(tiny: Path, command, host: str, reason: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = command("worker", tiny, "--metrics-port", port, "--metrics-host", host)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(rf"Error: Cannot listen on {host}:{port}: {reason}.*\n", done.stderr)


def test_a_worker_is_ready_while_it_takes_runs(
    work: Path, front_end: Process, tmp_path: Path, start_worker: Callable[..., Worker]
) -> None:
    (registry,) = (work / "src").glob("*/pipeline_registry.py")
    registry.write_text(registry.read_text() + WAITS.replace("{folder}", str(tmp_path)))
    worker = start_worker(work, KEDRO_SERVER_GRACE_SECONDS="300")
    until(lambda: worker.status() == (503, "starting"))
    assert worker.get("/health").json()["status"] == "healthy"
    assert worker.get("/metrics").status_code == 200
    (tmp_path / "may-open").touch()
    until(lambda: worker.status() == (200, "ready"))
    run(front_end)
    until(lambda: worker.counts().get(ENDED) == 1)
    held = submit(front_end, pipeline_names=["held"])
    until(lambda: httpx.get(f"{front_end.url}/runs/{held}").json()["status"] == "running")
    worker.command.process.send_signal(signal.SIGTERM)
    until(lambda: worker.status() == (503, "draining"))
    assert worker.get("/health").status_code == 200
    (tmp_path / "opened").touch()
    assert worker.command.process.wait(120) == 0
    assert httpx.get(f"{front_end.url}/runs/{held}").json()["status"] == "success"
    assert "Traceback" not in worker.command.log()


@pytest.mark.slow
def test_the_families_are_those_of_a_server(
    work: Path, front_end: Process, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(work)
    until(lambda: worker.status() == (200, "ready"))
    run(front_end)
    until(lambda: worker.counts().get(ENDED) == 1)
    for headers, families in (({}, text_string_to_metric_families), (OPENMETRICS, openmetrics_families)):
        answer, of_server = worker.get("/metrics", **headers), httpx.get(f"{front_end.url}/metrics", headers=headers)
        assert answer.headers["content-type"] == of_server.headers["content-type"]
        found = [
            {(family.name, family.type, family.documentation) for family in families(text)}
            for text in (answer.text, of_server.text)
        ]
        assert found[0] == found[1]
    assert worker.get("/runs").status_code == 404
    worker.end()


def test_a_worker_that_counts_nothing_has_probes_only(tiny: Path, start_worker: Callable[..., Worker]) -> None:
    worker = start_worker(tiny, KEDRO_SERVER_METRICS="false")
    until(lambda: worker.status() == (200, "ready"))
    assert worker.get("/metrics").status_code == 404
    assert f"  probes     {worker.url} (/health, /ready)" in worker.command.log()
    worker.end()


def test_no_client_keeps_a_worker_from_ending(tiny: Path, start_worker: Callable[..., Worker]) -> None:
    worker = start_worker(tiny)
    until(lambda: worker.status() == (200, "ready"))
    with socket.create_connection(("127.0.0.1", worker.port)) as idle, closing(httpx.Client()) as kept:
        idle.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        kept.get(f"{worker.url}/health")
        worker.end()
    assert "Cancel" not in worker.command.log()


@contextmanager
def load(server: Process, worker: Worker) -> Iterator[list[Counts]]:
    """Run, scrape and probe during a block, which gets the scrapes; no count goes back, and no probe fails."""
    scrapes: list[Counts] = []
    problems: list[object] = []
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            submit(server)
            is_over.wait(0.05)

    def look() -> None:
        while not is_over.is_set():
            try:
                scrapes.append(worker.counts())
                if (found := worker.status()) != (200, "ready"):
                    problems.append(found)
            except httpx.HTTPError as error:
                problems.append(error)

    threads = [threading.Thread(target=target) for target in (work, look)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: scrapes)
        yield scrapes
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert problems == []
    for former, later in itertools.pairwise(scrapes):
        assert [key for key in former if key != WORKERS and later.get(key, -1.0) < former[key]] == []


@pytest.mark.slow
def test_processes_add_up_and_no_count_goes_back_when_they_are_killed_or_replaced(
    work: Path, front_end: Process, tmp_path: Path, start_worker: Callable[..., Worker]
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    worker = start_worker(work, "--workers", "2", "--max-concurrent-runs", "2", TMPDIR=str(temporary))
    until(lambda: len(worker.pids()) == 2 and worker.status() == (200, "ready"))
    until(lambda: worker.counts()[WORKERS] == 2)
    for _ in range(4):
        run(front_end)
    until(lambda: worker.counts().get(ENDED) == 4)
    with load(front_end, worker) as scrapes:
        os.kill(worker.pids()[0], signal.SIGKILL)
        until(lambda: len(worker.pids()) == 3 and scrapes[-1][WORKERS] == 2)
        worker.command.process.send_signal(signal.SIGHUP)
        until(lambda: len(worker.pids()) == 5 and scrapes[-1][WORKERS] == 2)
        reached = scrapes[-1][ENDED]
        until(lambda: scrapes[-1][ENDED] > reached + 5)
    worker.end()
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_processes_that_are_busy_or_paused_delay_no_answer(
    work: Path, front_end: Process, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(work, "--workers", "2", KEDRO_SERVER_GRACE_SECONDS="1")
    until(lambda: len(worker.pids()) == 2 and worker.status() == (200, "ready"))
    until(lambda: worker.counts()[WORKERS] == 2)
    for pid in worker.pids():
        os.kill(pid, signal.SIGSTOP)
    assert worker.status() == (200, "ready")
    assert worker.counts()[WORKERS] == 2
    worker.command.process.send_signal(signal.SIGTERM)
    until(lambda: worker.status() == (503, "draining"))
    # The supervisor kills those that do not end.
    assert worker.command.process.wait(120) == 0


@pytest.mark.slow
def test_a_worker_whose_store_does_not_answer_is_not_ready(tiny: Path, start_worker: Callable[..., Worker]) -> None:
    worker = start_worker(tiny, "--store", "postgresql://nobody@127.0.0.1:1/none?sslmode=disable")
    # It says so after its service has opened, when a worker with a store is ready.
    worker.command.log_with("The connection for NOTIFY is lost")
    assert worker.status() == (503, "starting")
    assert worker.pids() == []
    worker.command.process.send_signal(signal.SIGTERM)
    assert worker.command.process.wait(120) == 0
