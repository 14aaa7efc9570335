"""The state of this process that functions in worker processes find."""

import locale
import logging
import os
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runner_functions import CarelessWarning, process_state

from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import ParallelRunner
from kedro_asgi.runner.process_state import ProcessState
from kedro_asgi.runner.worker_pool import WorkerPool
from kedro_asgi.session import KedroServiceSession


@pytest.fixture(autouse=True)
def _restored():
    before = ProcessState.current()
    yield
    before.apply()


@pytest.fixture(scope="module")
def one_process():
    pool = WorkerPool()
    yield ParallelRunner(max_workers=1).using(pool)
    pool.close()


def found_there(runner: ParallelRunner) -> dict:
    pipeline = Pipeline([node(process_state, "a", "b", name="n")])
    return runner.run(pipeline, DataCatalog({"a": MemoryDataset(1)}))["b"].load()


def set_environ(tmp_path: Path) -> dict:
    os.environ["X"] = "\udcff of this run"
    return {"X": "\udcff of this run"}


def delete_environ(tmp_path: Path) -> dict:
    os.environ.pop("X", None)
    return {"X": None}


def set_time_zone(tmp_path: Path) -> dict:
    os.environ["TZ"] = "Etc/GMT-5"
    time.tzset()
    return {"hour": 5}


def set_folder(tmp_path: Path) -> dict:
    os.chdir(tmp_path)
    return {"folder": str(tmp_path)}


def set_path(tmp_path: Path) -> dict:
    sys.path.insert(0, str(tmp_path))
    return {"path": list(sys.path)}


def set_locale(tmp_path: Path) -> dict:
    return {"locale": locale.setlocale(locale.LC_ALL, "C.UTF-8")}


def set_recursion_limit(tmp_path: Path) -> dict:
    sys.setrecursionlimit(3210)
    return {"recursion": 3210}


def set_level(tmp_path: Path) -> dict:
    logging.getLogger("leveled").setLevel(logging.ERROR)
    return {"level": logging.ERROR}


def reset_level(tmp_path: Path) -> dict:
    logging.getLogger("leveled").setLevel(logging.NOTSET)
    return {"level": logging.NOTSET}


def disable_logging(tmp_path: Path) -> dict:
    logging.disable(logging.INFO)
    return {"disabled": logging.INFO}


CHANGES = (
    set_environ,
    delete_environ,
    set_time_zone,
    set_folder,
    set_path,
    set_locale,
    set_recursion_limit,
    set_level,
    reset_level,
    disable_logging,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_warm_process_has_the_state_of_this_process(one_process: ParallelRunner, tmp_path: Path, change) -> None:
    """Also where the function that it called before has spoilt its own."""
    found_there(one_process)
    expected = change(tmp_path)
    found = found_there(one_process)
    assert {name: found[name] for name in expected} == expected


def test_filters_of_warnings_are_those_of_this_process(one_process: ParallelRunner) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "care", CarelessWarning)
        assert found_there(one_process)["raised"] == "careful"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "care", CarelessWarning)
        assert found_there(one_process)["raised"] is None


def test_a_folder_that_was_deleted_leaves_a_process_where_it_is(one_process: ParallelRunner, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert found_there(one_process)["folder"] == "/"


ENVIRON = """
import os
from kedro_asgi.pipeline import Pipeline, node

def find(x):
    return os.environ["OF_THIS_RUN"]

def register_pipelines():
    return {"__default__": Pipeline([node(find, "params:a", "found", name="find")])}
"""
SETTING = """
import os
from kedro_asgi.hooks import hook_impl

class Setting:
    @hook_impl
    def before_pipeline_run(self, run_params):
        os.environ["OF_THIS_RUN"] = run_params["run_id"]

HOOKS = (Setting(),)
"""


def test_a_hook_may_set_the_environment_of_each_run(make_project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THIS_RUN", "none")
    with KedroServiceSession.create(project_path=make_project(ENVIRON, settings=SETTING)) as session:
        runs = [session.run(run_id, runner=ParallelRunner(max_workers=1)) for run_id in ("one", "two")]
        assert [run["found"].load() for run in runs] == ["one", "two"]


def test_variables_that_another_thread_deletes_meanwhile_do_no_harm() -> None:
    is_over = threading.Event()

    def set_and_delete() -> None:
        while not is_over.is_set():
            for number in range(50):
                os.environ[f"SHORT_LIVED_{number}"] = "1"
            for number in range(50):
                del os.environ[f"SHORT_LIVED_{number}"]

    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(set_and_delete)
        try:
            states = [ProcessState.current() for _ in range(300)]
        finally:
            is_over.set()
        busy.result()
    assert all("PATH" in state.environ for state in states)
