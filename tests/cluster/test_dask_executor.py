"""Runs on a Dask cluster survive workers that are lost or differ, and schedulers that go and come back."""

import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from dask_processes import DaskProcesses, one_process_cluster
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Policy
from kedro_asgi.events import LogLine, NodeStarted, RunPlanned
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.session import AsyncSession
from serving import Process

# The contract of executors, which `make test` checks over Dask too, has the rest.
pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]


RUNS = 200


def order(pipeline: str, *, outputs: tuple[str, ...] = (), **spec: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), outputs=outputs, **spec))


@asynccontextmanager
async def dispatcher(
    project: Path, scheduler: str, *, store: str = "memory:", options: dict[str, object] | None = None, **policy: object
) -> AsyncIterator[Dispatcher]:
    session = AsyncSession.create(project_path=project)
    choice = ExecutorChoice(default="dask", dask=DaskOptions(scheduler=scheduler, **(options or {})))
    settings = Policy(**{"grace_seconds": 0.1, "max_concurrent_runs": 3, "event_log_level": "WARNING", **policy})
    async with Dispatcher(session, store=store, policy=settings, executor=choice) as runs:
        yield runs


async def until(condition: Callable[[], bool], *, seconds: float = 300) -> None:
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.02)


async def told_of_a_node(runs: Dispatcher, run_id: str) -> None:
    """Wait until the server knows that a node of the run has begun."""
    with anyio.fail_after(300):
        async with aclosing(runs.follow(run_id)) as told:
            async for published in told:
                if isinstance(published.event, NodeStarted):
                    return


def lines(place: Path) -> list[str]:
    return place.read_text().splitlines() if place.exists() else []


@pytest.fixture(scope="module")
async def shared(project: Path, anyio_backend: str) -> AsyncIterator[Dispatcher]:
    """A dispatcher on a cluster that no test hurts."""
    limits = {"max_value_bytes": 100_000, "resources": {"same": {"GPU": 1}}}
    with one_process_cluster(project) as scheduler:
        async with dispatcher(project, scheduler, options=limits, max_log_lines=10_000) as runs:
            yield runs


# --- a cluster that no test hurts ---


async def test_large_inputs_and_outputs_are_refused(shared: Dispatcher) -> None:
    record = (await shared.run(order("fill", outputs=("filled",), runtime_params={"size": 200_000}))).record
    assert record.error.type == "ValueTooLargeError"
    assert "raise dask_max_value_bytes" in record.error.message
    record = (await shared.run(order("fill", runtime_params={"size": 10, "unused": "x" * 200_000}))).record
    assert record.error.type == "ValueTooLargeError"
    assert record.error.message.startswith("The inputs of the run take")


async def test_a_run_waits_for_a_worker_with_its_resources(shared: Dispatcher) -> None:
    run = await shared.submit("same", inputs={"value": 1})
    await until(lambda: shared.gauges()["dask_tasks"] == 1)
    assert (await shared.run(order("fill"))).record.status == "success"
    await shared.cancel(run.run_id)
    assert (await shared.wait(run.run_id)).status == "cancelled"
    assert shared.gauges()["dask_tasks"] == 0


async def test_many_lines_come_in_their_order(shared: Dispatcher) -> None:
    record = (await shared.run(order("log_lines", runtime_params={"count": 3000}))).record
    told = [published.event async for published in shared.follow(record.run_id)]
    assert [event.message for event in told if isinstance(event, LogLine)] == [f"line {n}" for n in range(3000)]


async def test_figures_of_the_cluster(shared: Dispatcher) -> None:
    await shared.run(order("fill"))
    # The server counts the workers now and then.
    figures = {"dask_scheduler_up": 1, "dask_workers": 1, "dask_threads": 2}
    await until(lambda: figures.items() <= shared.gauges().items())
    await until(lambda: shared.executor_problem is None)


async def test_a_scheduler_that_is_not_there_is_a_problem_and_no_failure(project: Path, tmp_path: Path) -> None:
    async with dispatcher(project, "tcp://127.0.0.1:1") as runs:
        run = await runs.submit("fill")
        await until(lambda: "cannot be reached" in (runs.executor_problem or ""))
        assert runs.gauges()["dask_scheduler_up"] == 0
        assert (await runs.read(run.run_id)).status in ("queued", "running")
        await runs.cancel(run.run_id)
        assert (await runs.wait(run.run_id)).status == "cancelled"


# --- clusters whose processes are killed ---


async def test_a_worker_without_the_project_is_a_clear_error(project: Path, cluster: DaskProcesses) -> None:
    cluster.start_worker("bare", preload=False)
    async with dispatcher(project, cluster.scheduler) as runs:
        error = (await runs.run(order("fill"))).record.error
        assert error.type == "NotPreloadedError"
        assert "--preload kedro_asgi.cluster" in error.message


async def test_a_worker_with_other_sources_is_a_clear_error(
    project: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    other = shutil.copytree(project, tmp_path / "other")
    with next(other.glob("src/*/pipeline_registry.py")).open("a") as file:
        file.write("# changed\n")
    cluster.start_worker("other", project=other)
    async with dispatcher(project, cluster.scheduler) as runs:
        error = (await runs.run(order("fill"))).record.error
        assert error.type == "MemberMismatchError"
        assert "it has other source files of the package" in error.message


async def test_a_worker_that_is_lost_interrupts_its_run_or_has_it_repeated(
    project: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    cluster.start_worker("one")
    marked, repeated = tmp_path / "marked", tmp_path / "repeated"
    async with dispatcher(project, cluster.scheduler) as runs:
        run = await runs.submit("note", runtime_params={"place": str(marked), "seconds": 600})
        # The file is there before the server is told of the node, and a lost worker tells nothing more.
        await told_of_a_node(runs, run.run_id)
        await until(lambda: len(lines(marked)) == 1)
        cluster.kill("one")
        record = await runs.wait(run.run_id)
        assert (record.status, record.error.type, record.error.node) == ("interrupted", "WorkerLostError", "note")
        cluster.start_worker("two")
        run = await runs.submit("once_slow", runtime_params={"place": str(repeated)}, on_interrupt="rerun")
        await until(lambda: len(lines(repeated)) == 1)
        cluster.kill("two")
        cluster.start_worker("three")
        record = await runs.wait(run.run_id)
        assert (record.status, record.run_attempt) == ("success", 2)
    assert lines(repeated) == ["begun", "begun", "done"]


async def test_a_run_that_kills_its_workers_is_given_up(project: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    cluster.start_worker("one")
    place = tmp_path / "place"
    async with dispatcher(project, cluster.scheduler, max_attempts=2) as runs:
        run = await runs.submit("die", runtime_params={"place": str(place)}, on_interrupt="rerun")
        await until(lambda: len(lines(place)) == 1)
        cluster.start_worker("two")
        record = await runs.wait(run.run_id)
        assert (record.status, record.error.type, record.run_attempt) == ("interrupted", "WorkerLostError", 2)
    assert len(lines(place)) == 2


async def test_the_nodes_of_a_run_on_a_worker_go_to_other_workers_of_its_cluster(
    project: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    """A run with ``DaskRunner`` needs no address where a worker executes it."""
    cluster.start_worker("one")
    async with dispatcher(project, cluster.scheduler) as runs:
        spec = {"runtime_params": {"place": str(tmp_path / "place")}, "outputs": ["pid"], "runner": "DaskRunner"}
        run = await runs.submit("note", **spec, timeout_seconds=240)
        async for found in runs.follow(run.run_id):
            if isinstance(found.event, RunPlanned):
                # The only thread has the run, so its node waits for another worker.
                cluster.start_worker("two")
        record = await runs.wait(run.run_id)
        assert (record.status, record.error) == ("success", None)
        assert await runs.output(run.run_id, "pid") == b"%d" % cluster.pid("two")


async def test_a_scheduler_that_is_gone_loses_no_run(project: Path, cluster: DaskProcesses, tmp_path: Path) -> None:
    cluster.start_worker("one")
    async with dispatcher(project, cluster.scheduler) as runs:
        assert (await runs.run(order("fill"))).record.status == "success"
        cluster.kill("scheduler")
        await until(lambda: runs.gauges()["dask_scheduler_up"] == 0)
        # It says so until it has tried in vain to connect again.
        await until(lambda: any(text in (runs.executor_problem or "") for text in ("is gone", "cannot be reached")))
        waiting = [await runs.submit("note", runtime_params={"place": str(tmp_path / str(n))}) for n in range(4)]
        # Workers end with their scheduler; whatever started them starts them again.
        cluster.wait_for_end("one")
        cluster.start_scheduler()
        cluster.start_worker("two")
        for run in waiting:
            assert (await runs.wait(run.run_id)).status == "success"
        await until(lambda: runs.executor_problem is None)
    assert [len(lines(tmp_path / str(n))) for n in range(4)] == [2, 2, 2, 2]


async def test_a_paused_worker_is_lost_and_stops_when_it_comes_back(
    project: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    cluster.start_worker("one")
    place = tmp_path / "place"
    async with dispatcher(project, cluster.scheduler, options={"silence_seconds": 4.0}) as runs:
        run = await runs.submit("once_slow", runtime_params={"place": str(place)}, on_interrupt="rerun")
        await until(lambda: len(lines(place)) == 1)
        cluster.signal("one", signal.SIGSTOP)
        cluster.start_worker("two")
        record = await runs.wait(run.run_id)
        assert (record.status, record.run_attempt) == ("success", 2)
        cluster.signal("one", signal.SIGCONT)
        # Its run does not stop within a second, so its process ends.
        assert cluster.wait_for_end("one") == 1
    assert lines(place) == ["begun", "begun", "done"]


async def test_promised_runs_survive_workers_that_are_killed_in_turn(
    project: Path, cluster: DaskProcesses, tmp_path: Path
) -> None:
    """Each run succeeds once, and each of its attempts is over before the next one begins."""
    names = ["one", "two", "three"]
    for name in names:
        cluster.start_worker(name)
    store = str(tmp_path / "runs.db")
    policy = {"max_concurrent_runs": 6, "max_attempts": 50}
    async with dispatcher(project, cluster.scheduler, store=store, **policy) as runs:
        places = [tmp_path / f"place-{number}" for number in range(RUNS)]
        promised = [
            await runs.submit("note", runtime_params={"place": str(place), "seconds": 0.1}, on_interrupt="rerun")
            for place in places
        ]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill_in_turn, cluster, names, places)
            records = [await runs.wait(run.run_id) for run in promised]
            tasks.cancel_scope.cancel()
    assert [(record.status, record.error) for record in records] == [("success", None)] * RUNS
    assert sum(record.run_attempt for record in records) > RUNS
    for record, place in zip(records, places, strict=True):
        told = lines(place)
        begun = [line.removeprefix("begun ") for line in told if line.startswith("begun")]
        # A worker may be killed before its run begins.
        assert 1 <= len(begun) <= record.run_attempt
        # What a worker does for a run, it does before another one has it; the last one ends it.
        assert [line.split()[1] for line in told] == [pid for pid in begun for _ in range(told_by(told, pid))]
        assert told[-1] == f"done {begun[-1]}"


def told_by(told: list[str], pid: str) -> int:
    return sum(line.split()[1] == pid for line in told)


async def kill_in_turn(cluster: DaskProcesses, names: list[str], places: list[Path]) -> None:
    """Kill a worker after every few runs, and start another one."""
    for number, at_least in enumerate(range(RUNS // 10, RUNS, RUNS // 10)):
        await until(lambda at_least=at_least: sum(place.exists() for place in places) >= at_least)
        name = names[number % len(names)]
        cluster.kill(name)
        cluster.start_worker(name)


def test_a_run_whose_server_is_killed_ends_on_its_worker_before_another_server_repeats_it(
    project: Path, cluster: DaskProcesses, tmp_path: Path, start
) -> None:
    cluster.start_worker("one")
    place = tmp_path / "place"
    arguments = ("--executor", "dask", "--dask-scheduler", cluster.scheduler, "--store", str(tmp_path / "runs.db"))
    server = start("kedro_asgi", "serve", project, *arguments)
    body = {"pipeline_names": ["once_slow"], "params": {"place": str(place)}, "on_interrupt": "rerun"}
    answer = httpx.post(f"{server.url}/runs", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    while not lines(place):
        assert server.process.poll() is None, server.log()
        time.sleep(0.02)
    server.kill()
    # The node does not stop within a second, so the process of the worker ends.
    assert cluster.wait_for_end("one") == 1
    other = start("kedro_asgi", "serve", project, *arguments)
    cluster.start_worker("two")
    interrupted = ended(other, answer.json()["run_id"])
    assert interrupted["status"] == "interrupted"
    assert ended(other, interrupted["resubmitted_as"])["status"] == "success"
    assert lines(place) == ["begun", "begun", "done"]


def ended(server: Process, run_id: str) -> dict[str, Any]:
    """Wait until a run has ended, and return its record."""
    while True:
        record: dict[str, Any] = httpx.get(f"{server.url}/runs/{run_id}?wait=60", timeout=120).json()
        if record.get("ended_at") is not None:
            return record


def test_a_server_says_that_its_scheduler_is_not_there(project: Path, start) -> None:
    arguments = ("--executor", "dask", "--dask-scheduler", "tcp://127.0.0.1:1", "--store", "memory:")
    server = start("kedro_asgi", "serve", project, *arguments)
    deadline = time.monotonic() + 60
    while "cannot be reached" not in httpx.get(f"{server.url}/health", timeout=60).json().get("executor", ""):
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)
    ready = httpx.get(f"{server.url}/ready", timeout=60)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert "tcp://127.0.0.1:1" in ready.json()["executor"]
    assert "kedro_asgi_dask_scheduler_up 0" in httpx.get(f"{server.url}/metrics", timeout=60).text
