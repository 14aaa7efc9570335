"""``kedro-asgi worker``: what it refuses, how it starts, and several processes of it."""

import os
import re
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from serving import Process, send_two_signals_at_once, until


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--store", "memory:"], "a worker takes runs from a store that servers write"),
        (["--max-concurrent-runs", "0"], "max_concurrent_runs of 0 is for servers"),
        (["--store", "mysql://x"], "The store 'mysql://x' cannot be used"),
    ],
)
def test_settings_with_which_a_worker_gets_no_run_are_refused(
    tiny: Path, command, options: list[str], problem: str
) -> None:
    done = command("worker", tiny, *options)
    assert done.returncode == 1
    assert problem in done.stderr


def test_a_worker_that_cannot_open_its_project_takes_no_runs(make_project: Callable[..., Path], command) -> None:
    project = make_project("raise RuntimeError('broken on purpose')\n")
    done = command("worker", project)
    assert done.returncode == 3
    assert "broken on purpose" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_several_processes_execute_runs_of_a_file_and_are_replaced(work: Path, tmp_path: Path, start) -> None:
    metrics = {"KEDRO_SERVER_METRICS_FOLDER": str(tmp_path / "metrics")}
    front_end = start("kedro_asgi", "serve", work, "--max-concurrent-runs", "0", **metrics)
    line = ["kedro_asgi", "worker", str(work), "--workers", "2", "--max-concurrent-runs", "1"]
    workers = Process(line, cwd=tmp_path, environ=metrics, serves_http=False)
    try:
        until(lambda: workers.log().count("executes runs.") == 2)
        assert submitted_and_ended(front_end) == ["success"] * 4
        until(lambda: "kedro_asgi_runs_ended_total{" in httpx.get(f"{front_end.url}/metrics").text)
        first = [
            int(line.split("[")[1].split("]")[0]) for line in workers.log().splitlines() if "executes runs." in line
        ]
        os.kill(first[0], signal.SIGKILL)
        workers.process.send_signal(signal.SIGHUP)
        until(lambda: workers.log().count("executes runs.") >= 4)
        assert submitted_and_ended(front_end) == ["success"] * 4
        # A project that is broken at the next restart leaves the processes that have read it.
        (registry,) = (work / "src").glob("*/pipeline_registry.py")
        registry.write_text("raise RuntimeError('broken on purpose')\n")
        workers.process.send_signal(signal.SIGHUP)
        workers.log_with("failed to start; the restart ends here")
        assert submitted_and_ended(front_end) == ["success"] * 4
        workers.process.send_signal(signal.SIGTERM)
        assert workers.process.wait(120) == 0
        assert "Traceback" not in workers.log()
    finally:
        workers.close()


@pytest.mark.slow
def test_two_signals_at_once_end_the_grace_of_all_processes(work: Path, tmp_path: Path, start) -> None:
    front_end = start("kedro_asgi", "serve", work, "--max-concurrent-runs", "0")
    line = ["kedro_asgi", "worker", str(work), "--workers", "2"]
    environ = {"KEDRO_SERVER_GRACE_SECONDS": "300"}
    with closing(Process(line, cwd=tmp_path, environ=environ, serves_http=False)) as workers:
        until(lambda: workers.log().count("executes runs.") == 2)
        run_id = httpx.post(f"{front_end.url}/runs", json={"pipeline_names": ["held"]}).json()["run_id"]
        until(lambda: httpx.get(f"{front_end.url}/runs/{run_id}").json()["status"] == "running")
        pids = re.findall(r"Worker \[(\d+)\] executes", workers.log())
        send_two_signals_at_once(workers.process.pid, [int(pid) for pid in pids])
        assert workers.process.wait(120) == 0


@pytest.mark.slow
def test_two_signals_end_a_process_that_does_not_react_to_them(tiny: Path, tmp_path: Path) -> None:
    line = ["kedro_asgi", "worker", str(tiny), "--workers", "2"]
    environ = {"KEDRO_SERVER_GRACE_SECONDS": "300"}
    with closing(Process(line, cwd=tmp_path, environ=environ, serves_http=False)) as workers:
        until(lambda: workers.log().count("executes runs.") == 2)
        pids = [int(pid) for pid in re.findall(r"Worker \[(\d+)\] executes", workers.log())]
        os.kill(pids[0], signal.SIGSTOP)
        send_two_signals_at_once(workers.process.pid, pids[1:])
        assert workers.process.wait(120) == 0


def submitted_and_ended(server: Process) -> list[str]:
    runs = [httpx.post(f"{server.url}/runs", json={}).json()["run_id"] for _ in range(4)]
    ended = [httpx.get(f"{server.url}/runs/{run}", params={"wait": 60}, timeout=90).json() for run in runs]
    return [run["status"] for run in ended]
