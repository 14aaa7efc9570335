"""Nodes in worker processes: data that can and cannot be sent, and the pool that a session keeps."""

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import runner_functions as functions
from runner_functions import OddError, Once, same

from kedro_asgi.errors import (
    RemoteNodeError,
    UnreadableResultError,
    UnserialisableDataError,
    WorkerDiedError,
    WorkerImportError,
)
from kedro_asgi.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import ParallelRunner
from kedro_asgi.runner.messages import RemoteTraceback
from kedro_asgi.runner.worker_pool import WorkerPool
from kedro_asgi.session import KedroServiceSession


@pytest.fixture
def runner(processes: WorkerPool) -> ParallelRunner:
    return ParallelRunner(max_workers=2).using(processes)


def run(runner: ParallelRunner, function, value=1, outputs="b"):
    data = DataCatalog({"a": MemoryDataset(value, copy_mode="assign")})
    result = runner.run(Pipeline([node(function, "a", outputs, name="n")]), data)
    return {name: dataset.load() for name, dataset in result.items()}


# --- data that is sent ---


def test_the_error_of_a_node_has_its_remote_traceback(runner: ParallelRunner) -> None:
    with pytest.raises(ZeroDivisionError, match="no 1") as caught:
        run(runner, functions.boom)
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert 'raise ZeroDivisionError(f"no {xs[0]}")' in str(caught.value.__cause__)


def test_an_error_that_cannot_be_sent_is_raised_by_name(runner: ParallelRunner) -> None:
    with pytest.raises(RemoteNodeError, match="OddError: 7: seven .*cannot be sent between processes"):
        run(runner, functions.odd)
    assert OddError(7, "seven").args == ("7: seven",)


def test_a_keyboard_interrupt_of_a_node_is_one_here(runner: ParallelRunner) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(runner, functions.interrupt)
    assert run(runner, same) == {"b": 1}


@pytest.mark.parametrize("outputs", ["b", ["b"]])
def test_an_output_that_cannot_be_sent_is_named(runner: ParallelRunner, outputs) -> None:
    message = r"b: <class '_thread.lock'> cannot be serialised. ParallelRunner implicit .* node 'n' runs"
    function = functions.lock if outputs == "b" else functions.locks
    with pytest.raises(UnserialisableDataError, match=message):
        run(runner, function, outputs=outputs)


def test_of_several_outputs_the_one_that_cannot_be_sent_is_named(runner: ParallelRunner) -> None:
    with pytest.raises(UnserialisableDataError, match=r"^c: <class '_thread.lock'>"):
        run(runner, functions.one_lock, outputs=["b", "c"])


def test_a_chunk_that_cannot_be_sent_is_named(runner: ParallelRunner) -> None:
    with pytest.raises(UnserialisableDataError, match=r"^b: <class '_thread.lock'>"):
        run(runner, functions.unsendable_chunk)


def test_an_input_that_cannot_be_sent_is_named(runner: ParallelRunner) -> None:
    with pytest.raises(UnserialisableDataError, match=r"a: <class '_thread.lock'> cannot be serialised"):
        run(runner, same, threading.Lock())


def test_an_input_that_cannot_be_read_there_is_the_nodes_failure(runner: ParallelRunner) -> None:
    with pytest.raises(WorkerImportError, match="ValueError: invalid literal .* must be importable there"):
        run(runner, same, Once())


def test_an_output_that_cannot_be_read_here_is_reported(runner: ParallelRunner) -> None:
    with pytest.raises(UnreadableResultError, match="This process cannot read the result that node 'n' returned"):
        run(runner, functions.unreadable)
    assert run(runner, same) == {"b": 1}


def test_functions_must_be_importable() -> None:
    pipeline = Pipeline([node(lambda x: x, "a", "b", name="lam"), node(same, "a", "c", name="fine")])
    message = r"The following nodes cannot be serialised: \[Node\(<lambda>, 'a', 'b', 'lam'\)\]"
    with pytest.raises(AttributeError, match=message):
        ParallelRunner().run(pipeline, DataCatalog({"a": MemoryDataset(1)}))


def test_a_shared_catalog_will_do_too(runner: ParallelRunner) -> None:
    pipeline = Pipeline([node(same, "a", "b", name="n"), node(same, "b", "c", name="m")])
    assert runner.run(pipeline, SharedMemoryDataCatalog({"a": MemoryDataset(1)}))["c"].load() == 1


def test_what_nodes_log_is_logged_here(runner: ParallelRunner, caplog: pytest.LogCaptureFixture) -> None:
    run(runner, functions.logs)
    told = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "functions"]
    assert told[0] == ("WARNING", "working on 1")
    assert told[1][1].startswith("it broke\nTraceback")
    assert len(told) == 2
    assert caplog.records[0].process != os.getpid()


def test_what_nodes_log_is_logged_at_levels_of_this_process(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "functions")
    run(ParallelRunner(max_workers=1), functions.logs)
    assert ("functions", logging.DEBUG, "not wanted") in caplog.record_tuples
    caplog.clear()
    caplog.set_level(logging.CRITICAL, "functions")
    run(ParallelRunner(max_workers=1), functions.logs)
    assert caplog.records == []


# --- processes that end ---


def test_a_killed_worker_fails_its_run_with_a_reason(runner: ParallelRunner) -> None:
    message = "A worker process ended abruptly while node 'n' was running: SIGKILL ended it"
    with pytest.raises(WorkerDiedError, match=message) as caught:
        run(runner, functions.die)
    assert (caught.value.node, caught.value.exit_code) == ("n", -9)
    assert run(runner, same) == {"b": 1}


def test_a_worker_that_leaves_fails_its_run_with_its_exit_code(runner: ParallelRunner) -> None:
    with pytest.raises(WorkerDiedError, match="it ended with exit code 7"):
        run(runner, functions.exit_at_once)


def test_a_killed_worker_fails_no_other_run(processes: WorkerPool) -> None:
    def slow(_: int) -> object:
        return run(ParallelRunner(max_workers=2).using(processes), functions.sleep, 0.3)

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(slow, 0)
        with pytest.raises(WorkerDiedError):
            run(ParallelRunner(max_workers=2).using(processes), functions.die)
        assert other.result() == {"b": 0.3}


def test_a_worker_that_died_between_runs_is_replaced(runner: ParallelRunner) -> None:
    first = run(runner, functions.pid)["b"]
    os.kill(first, signal.SIGKILL)
    while first in [child.pid for child in multiprocessing.active_children()]:
        time.sleep(0.01)
    assert run(runner, functions.pid)["b"] != first


@pytest.mark.skipif(not hasattr(os, "waitpid"), reason="nobody else can wait for processes")
def test_so_is_one_that_other_code_waited_for(runner: ParallelRunner) -> None:
    """A node or a hook may call `os.wait`."""
    first = run(runner, functions.pid)["b"]
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    assert run(runner, functions.pid)["b"] != first


@pytest.mark.parametrize("function", [functions.pid, functions.boom, functions.die, functions.leave])
def test_a_runner_by_itself_leaves_no_process_behind(function) -> None:
    before = multiprocessing.active_children()
    with contextlib.suppress(ZeroDivisionError, WorkerDiedError, SystemExit):
        run(ParallelRunner(max_workers=1), function)
    assert set(multiprocessing.active_children()) <= set(before)


# --- the pool ---


@pytest.mark.skipif(os.name == "nt", reason="Windows knows only spawn")
@pytest.mark.parametrize("given", ["forkserver", "nonsense"])
def test_the_environment_chooses_how_processes_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("KEDRO_MP_CONTEXT", given)
    expected = "ForkServerProcess" if given == "forkserver" else "SpawnProcess"
    assert run(ParallelRunner(max_workers=1), functions.kind_of_process) == {"b": expected}


def test_processes_are_as_many_as_a_run_can_use(tmp_path: Path) -> None:
    few = WorkerPool()
    for function, workers in ((same, 1), (functions.meet, 3)):
        pipeline = Pipeline([node(function, "a", f"b{n}", name=f"n{n}") for n in range(4)])
        ParallelRunner(max_workers=workers).using(few).run(pipeline, DataCatalog({"a": MemoryDataset(str(tmp_path))}))
        assert len(few) == workers
    few.close()
    assert len(few) == 0


def test_more_runs_than_processes_take_turns(processes: WorkerPool) -> None:
    def pids(_: int) -> set[int]:
        pipeline = Pipeline([node(functions.pid, "a", f"b{n}", name=f"n{n}") for n in range(3)])
        runner = ParallelRunner(max_workers=2).using(processes)
        return {found.load() for found in runner.run(pipeline, DataCatalog({"a": MemoryDataset(1)})).values()}

    with ThreadPoolExecutor(16) as threads:
        seen = set().union(*threads.map(pids, range(48)))
    assert len(seen) <= max(2, os.cpu_count() or 1)


def test_closing_leaves_what_is_running_alone() -> None:
    warm = WorkerPool()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run, ParallelRunner(max_workers=1).using(warm), functions.sleep, 0.5)
        while not len(warm):
            time.sleep(0.01)
        warm.close()
        assert running.result() == {"b": 0.5}
    child = run(ParallelRunner(max_workers=1).using(warm), functions.pid)["b"]
    warm.close()
    assert is_gone(child)


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


# --- sessions ---

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
ONLY_ONCE = """
from pathlib import Path

mark = Path(__file__).with_name("read")
if mark.exists():
    raise LookupError("settings are broken by now")
mark.touch()
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
    assert all(map(is_gone, later))


def test_a_process_knows_its_project(make_project) -> None:
    project: Path = make_project(PIDS)
    with KedroServiceSession.create(project_path=project) as session:
        found = session.run(pipeline_names=["who"], runner=ParallelRunner(max_workers=1))["who"].load()
    assert (project / "src" / found).is_dir()


def test_the_error_of_opening_the_project_in_a_process_is_raised(make_project) -> None:
    project: Path = make_project(PIDS, settings=ONLY_ONCE)
    with KedroServiceSession.create(project_path=project) as session:
        for _ in range(2):
            with pytest.raises(LookupError, match="settings are broken by now"):
                session.run(runner=ParallelRunner(max_workers=1))


def test_a_session_that_was_not_closed_ends_its_processes(make_project) -> None:
    session = KedroServiceSession.create(project_path=make_project(PIDS))
    pids = [found.load() for found in session.run(runner=ParallelRunner(max_workers=2)).values()]
    del session
    gc.collect()
    assert all(map(is_gone, pids))
