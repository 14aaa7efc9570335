"""Nodes in other processes: what crosses, what cannot, and what a session keeps warm (RUN-35 to RUN-44)."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kedro_asgi.errors import RemoteNodeError, UnserialisableDataError, WorkerDiedError
from kedro_asgi.io import CachedDataset, DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import ParallelRunner
from kedro_asgi.runner.crossing import RemoteTraceback
from kedro_asgi.runner.processes import Processes
from kedro_asgi.session import KedroServiceSession


class OddError(Exception):
    """As many are: what it hands on is not what it takes."""

    def __init__(self, code, reason):
        super().__init__(f"{code}: {reason}")


def odd(x):
    raise OddError(7, "seven")


def wrong(x):
    raise KeyError("wrong")


def leave(x):
    raise SystemExit(4)


def lock(x):
    return threading.Lock()


def pid(x):
    return os.getpid()


def method(x):
    return multiprocessing.get_start_method(allow_none=True) or "spawn"


def die(x):
    os.kill(os.getpid(), signal.SIGKILL)


def same(x):
    return x


@pytest.fixture
def runner(processes: Processes) -> ParallelRunner:
    return ParallelRunner(max_workers=2).using(processes)


def run(runner: ParallelRunner, function, value=1, *more):
    data = DataCatalog({"a": MemoryDataset(value, copy_mode="assign")})
    return runner.run(Pipeline([node(function, "a", "b", name="n"), *more]), data)["b"].load()


def test_what_a_node_raises_keeps_its_type_and_says_where(runner: ParallelRunner) -> None:
    with pytest.raises(KeyError, match="wrong") as caught:
        run(runner, wrong)
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert 'raise KeyError("wrong")' in str(caught.value.__cause__)


def test_an_error_that_cannot_be_sent_is_told_by_name(runner: ParallelRunner) -> None:
    with pytest.raises(RemoteNodeError, match="OddError: 7: seven .*cannot be sent between processes"):
        run(runner, odd)
    assert run(runner, same) == 1, "and the processes are as they were"


def test_leaving_the_process_is_as_it_is_here(runner: ParallelRunner) -> None:
    with pytest.raises(SystemExit):
        run(runner, leave)
    assert run(runner, same) == 1


def test_an_output_that_cannot_be_sent_is_named(runner: ParallelRunner) -> None:
    with pytest.raises(UnserialisableDataError, match=r"b: <class '_thread.lock'> cannot be serialised, so node 'n'"):
        run(runner, lock)


def test_an_input_that_cannot_be_sent_is_named(runner: ParallelRunner) -> None:
    with pytest.raises(UnserialisableDataError, match=r"a: <class '_thread.lock'> cannot be serialised"):
        run(runner, same, threading.Lock())


def test_datasets_stay_in_this_process(runner: ParallelRunner) -> None:
    """Q-31: neither a cache nor a dataset in memory needs to be shared between processes."""
    data = DataCatalog(
        {"a": MemoryDataset(3), "b": CachedDataset(dataset={"type": "MemoryDataset"}), "c": MemoryDataset()}
    )
    runner.run(Pipeline([node(same, "a", "b", name="n"), node(same, "b", "c", name="m")]), data)
    assert data.load("c") == 3


def test_a_killed_worker_fails_its_run_and_no_other(runner: ParallelRunner) -> None:
    with pytest.raises(WorkerDiedError, match="A worker process ended abruptly while node 'n' was running"):
        run(runner, die)
    assert run(runner, same) == 1


def test_a_runner_by_itself_leaves_no_process_behind() -> None:
    child = run(ParallelRunner(max_workers=1), pid)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows only spawn")
def test_the_environment_chooses_how_processes_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, expected in (("forkserver", "forkserver"), ("nonsense", "spawn")):
        monkeypatch.setenv("KEDRO_MP_CONTEXT", given)
        assert run(ParallelRunner(max_workers=1), method) == expected


def test_a_larger_run_replaces_the_processes_of_smaller_ones_unharmed(processes: Processes) -> None:
    def wanted(workers: int) -> int:
        return run(ParallelRunner(max_workers=workers).using(processes), same, workers)

    pipelines = [1, 2, 3, 1, 4, 2, 5, 1]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(wanted, pipelines)) == pipelines


PIDS = """
import os, time
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.project import current_project

def pid(a):
    time.sleep(0.05)
    return os.getpid()

def package(a):
    return current_project().package_name

def register_pipelines():
    return {"__default__": Pipeline([node(pid, "params:a", f"p{n}", name=f"n{n}") for n in range(2)]),
            "who": Pipeline([node(package, "params:a", "who", name="who")])}
"""


def test_a_session_keeps_its_processes_warm(make_project) -> None:
    with KedroServiceSession.create(project_path=make_project(PIDS)) as session:

        def pids(_: int) -> set[int]:
            return {found.load() for found in session.run(runner=ParallelRunner(max_workers=2)).values()}

        first = pids(0)
        with ThreadPoolExecutor(4) as threads:
            later = set().union(*threads.map(pids, range(8)))
    assert os.getpid() not in first
    assert first <= later
    assert len(later) <= max(2, os.cpu_count() or 1)
    with pytest.raises(ProcessLookupError):
        os.kill(first.pop(), 0)


def test_a_process_knows_its_project(make_project) -> None:
    project: Path = make_project(PIDS)
    with KedroServiceSession.create(project_path=project) as session:
        found = session.run(pipeline_names=["who"], runner=ParallelRunner(max_workers=1))["who"].load()
    assert (project / "src" / found).is_dir()
