"""``/metrics`` of real servers: what workers have counted adds up and never goes back, whatever ends them."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from serving import Process

pytestmark = pytest.mark.slow

Start = Callable[..., Process]
Counts: TypeAlias = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]

ENDED = "kedro_asgi_runs_ended_total", (("pipeline", "__default__"), ("status", "success"))
WORKERS = "kedro_asgi_workers", ()


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; a worker that was killed while it answered has not answered yet."""
    deadline = time.monotonic() + 120
    while True:
        with suppress(httpx.HTTPError):
            if condition():
                return
        assert time.monotonic() < deadline, "that did not become true in time"
        time.sleep(0.02)


def samples(server: Process) -> list[tuple[str, Sample]]:
    # A connection of its own, so that any worker may answer.
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return [(family.type, sample) for family in families for sample in family.samples]


def counts(server: Process) -> Counts:
    """Return the samples of all counters and histograms, and the number of workers."""
    found = [
        sample for kind, sample in samples(server) if kind in ("counter", "histogram") or sample.name == WORKERS[0]
    ]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in found}


def run(server: Process) -> None:
    assert httpx.post(f"{server.url}/run", json={}).json()["status"] == "success"


@contextmanager
def load(server: Process) -> Iterator[list[Counts]]:
    """Run and scrape again and again during a block, which gets the scrapes; in the end no count has gone back."""
    scrapes: list[Counts] = []
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            # A worker that is killed answers nothing.
            with suppress(httpx.HTTPError):
                run(server)

    def scrape() -> None:
        while not is_over.is_set():
            with suppress(httpx.HTTPError):
                scrapes.append(counts(server))

    threads = [threading.Thread(target=target) for target in (work, work, scrape)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: scrapes)
        yield scrapes
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    for former, later in itertools.pairwise(scrapes):
        gone_back = [key for key in former if key != WORKERS and later.get(key, -1.0) < former[key]]
        assert gone_back == []


def worker_pids(server: Process) -> list[int]:
    """Return the processes that serve, by the lines of their starts."""
    lines = server.log().splitlines()
    return [int(line.rpartition("[")[2].rstrip("].")) for line in lines if "Started server process [" in line]


def test_one_server_counts_what_it_answered(tiny: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", tiny)
    for _ in range(3):
        run(server)
    found = counts(server)
    assert (found[ENDED], found[WORKERS]) == (3, 1)
    accepted = {"accept": "application/openmetrics-text; version=1.0.0, text/plain; q=0.5"}
    assert "kedro_asgi_run_seconds" in {
        family.name for family in openmetrics_families(httpx.get(f"{server.url}/metrics", headers=accepted).text)
    }


def test_workers_add_up_and_no_count_goes_back_when_one_is_killed(tiny: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", tiny, "--workers", "2")
    for _ in range(20):
        run(server)
    until(lambda: counts(server).get(ENDED) == 20 and counts(server)[WORKERS] == 2)
    with load(server) as scrapes:
        for _ in range(2):
            seen = len(worker_pids(server))
            os.kill(worker_pids(server)[-1], signal.SIGKILL)
            until(lambda seen=seen: len(worker_pids(server)) > seen and scrapes[-1][WORKERS] == 2)
            reached = scrapes[-1][ENDED]
            until(lambda reached=reached: scrapes[-1][ENDED] > reached + 20)
    until(lambda: {sample.labels.get("worker", "0") for _, sample in samples(server)} == {"0", "1"})


def test_no_count_goes_back_when_workers_are_replaced(tiny: Path, start: Start, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = start("kedro_asgi", "serve", tiny, "--workers", "2", TMPDIR=str(temporary))
    until(lambda: counts(server)[WORKERS] == 2)
    with load(server) as scrapes:
        server.process.send_signal(signal.SIGHUP)
        until(lambda: len(worker_pids(server)) == 4 and scrapes[-1][WORKERS] == 2)
        until(lambda: scrapes[-1][ENDED] > 100)
        httpx.post(f"{server.url}/reload").raise_for_status()
        reached = scrapes[-1][ENDED]
        until(lambda: scrapes[-1][ENDED] > reached + 20)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(120) == 0
    assert list(temporary.iterdir()) == []


def test_a_development_server_keeps_its_counts_when_code_changes(tiny: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", tiny, "--reload")
    run(server)
    [source] = tiny.glob("src/*/pipeline_registry.py")
    until(lambda: counts(server).get(ENDED) == 1)
    source.write_text(source.read_text() + "\n# changed\n")
    until(lambda: len(worker_pids(server)) == 2 and counts(server)[WORKERS] == 1)
    run(server)
    assert counts(server)[ENDED] == 2
