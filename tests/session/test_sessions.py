"""The blocking sessions: `KedroSession` for one run, `KedroServiceSession` for many."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kedro_asgi.errors import KedroAsgiError, KedroSessionError
from kedro_asgi.events import Event, NodeFinished
from kedro_asgi.project import bootstrap_project, configure_project
from kedro_asgi.runner import SequentialRunner, ThreadRunner
from kedro_asgi.session import AbstractSession, JSONSessionStore, KedroServiceSession, KedroSession

FAILING = """
from kedro_asgi.pipeline import Pipeline, node

def boom(x):
    raise ZeroDivisionError("no " + str(x))

def register_pipelines():
    return {"__default__": Pipeline([node(boom, "params:a", "out", name="boom")])}
"""
TAGGED = """
from kedro_asgi.pipeline import Pipeline, node

def register_pipelines():
    calc = Pipeline([
        node(lambda x: x, "params:a", "s", name="add", tags="t", namespace="n"),
        node(lambda x: x, "s", "d", name="double", tags="t", namespace="n"),
    ])
    return {"__default__": Pipeline([]), "calc": calc}
"""
SEEING = """
from kedro_asgi.hooks import hook_impl

class Seeing:
    @hook_impl
    def before_pipeline_run(self, run_params):
        raise LookupError(run_params)

HOOKS = (Seeing(),)
"""
OTHER = "other: {type: json.JSONDataset, filepath: data/o.json, versioned: true}\n"
STORED = "from kedro_asgi.session import JSONSessionStore\n\nSESSION_STORE_CLASS = JSONSessionStore\n"


@pytest.fixture(params=[KedroSession, KedroServiceSession])
def session_type(request: pytest.FixtureRequest) -> type[AbstractSession]:
    return request.param


def test_a_run_returns_the_free_outputs_as_datasets(session_type: type[AbstractSession], tiny: Path) -> None:
    bootstrap_project(tiny)
    with session_type.create(project_path=tiny) as session:
        result = session.run()
    assert set(result) == {"d"}
    assert result["d"].load() == 6


def test_the_current_project_is_the_default(session_type: type[AbstractSession], tiny: Path) -> None:
    bootstrap_project(tiny)
    with session_type.create() as session:
        assert session.run(pipeline_names=["calc"])["d"].load() == 6


def test_a_project_is_found_without_bootstrap(session_type: type[AbstractSession], tiny: Path) -> None:
    with session_type.create(project_path=tiny) as session:
        assert session.run()["d"].load() == 6


def test_without_any_project_the_package_name_is_missing(
    session_type: type[AbstractSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Package name not found. Make sure you have configured the project"):
        session_type.create()


def test_inputs_replace_a_dataset_for_one_run(session_type: type[AbstractSession], tiny: Path) -> None:
    with session_type.create(project_path=tiny) as session:
        assert session.run(node_names=["double"], inputs={"s": 21})["d"].load() == 42


def test_a_runner_must_be_an_instance(session_type: type[AbstractSession], tiny: Path) -> None:
    with (
        session_type.create(project_path=tiny) as session,
        pytest.raises(KedroSessionError, match="expect an instance of Runner instead of a class"),
    ):
        session.run(runner=SequentialRunner)


def test_an_unknown_pipeline_is_named_with_what_was_meant(session_type: type[AbstractSession], tiny: Path) -> None:
    with session_type.create(project_path=tiny) as session, pytest.raises(ValueError) as caught:
        session.run(pipeline_names=["calcc"])
    assert "Failed to find the pipeline named 'calcc'" in str(caught.value)
    assert str(caught.value).endswith("Did you mean one of these instead?\n    calc")


def test_the_environment_comes_from_the_argument_else_from_kedro_env(
    session_type: type[AbstractSession], make_project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(files={"conf/prod/parameters.yml": "a: 100\n", "conf/test/parameters.yml": "a: 7\n"})
    monkeypatch.setenv("KEDRO_ENV", "test")
    with session_type.create(project_path=project, env="prod") as session:
        assert session.run()["d"].load() == 204
    with session_type.create(project_path=project, env="") as session:
        assert session.run()["d"].load() == 18


def test_what_a_node_raises_is_raised(session_type: type[AbstractSession], make_project) -> None:
    with (
        session_type.create(project_path=make_project(FAILING)) as session,
        pytest.raises(ZeroDivisionError, match="no 1"),
    ):
        session.run()


def test_a_session_saves_its_record_on_close(make_project) -> None:
    tiny = make_project(settings=STORED)
    with KedroSession.create(project_path=tiny, env="local", runtime_params={"a": 5}) as session:
        session.run()
    record = json.loads((tiny / "sessions" / f"{session.session_id}.json").read_text())
    assert record["session_id"] == session.session_id
    assert record["project_path"] == str(tiny)
    assert record["env"] == "local"
    assert record["runtime_params"] == {"a": 5}
    assert session.store["project_path"] == tiny


@pytest.mark.parametrize(("settings", "save_on_close"), [("", True), (STORED, False)], ids=["no store", "told not to"])
def test_nothing_is_saved_that_was_not_asked_for(make_project, settings: str, save_on_close: bool) -> None:
    tiny = make_project(settings=settings)
    with KedroSession.create(project_path=tiny, save_on_close=save_on_close) as session:
        session.run()
    assert not (tiny / "sessions").exists()


def test_a_failure_is_in_the_record(make_project) -> None:
    project = make_project(FAILING, settings=STORED)
    with pytest.raises(ZeroDivisionError), KedroSession.create(project_path=project) as session:
        session.run()
    record = json.loads((project / "sessions" / f"{session.session_id}.json").read_text())
    assert record["exception"]["type"] == "ZeroDivisionError"
    assert record["exception"]["value"] == "no 1"
    assert any("boom" in line for line in record["exception"]["traceback"])


BROKEN_AFTERWARDS = """
from kedro_asgi.hooks import hook_impl

class Broken:
    @hook_impl
    def after_pipeline_run(self):
        raise LookupError("no disk left")

HOOKS = (Broken(),)
"""


def test_a_run_counts_when_its_runner_has_finished(make_project) -> None:
    with KedroSession.create(project_path=make_project(settings=BROKEN_AFTERWARDS)) as session:
        with pytest.raises(LookupError, match="no disk left"):
            session.run()
        with pytest.raises(KedroSessionError, match="A run has already been completed"):
            session.run()


SIGNATURES_IN_KEDRO = """
import inspect, json
from kedro.framework.session import KedroServiceSession, KedroSession
found = {kind.__name__: list(inspect.signature(kind.run).parameters) for kind in (KedroSession, KedroServiceSession)}
print("\\n" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def order_in_kedro() -> dict[str, list[str]]:
    """The names of the arguments of ``run``, by session."""
    run = subprocess.run([sys.executable, "-c", SIGNATURES_IN_KEDRO], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def test_arguments_may_come_by_position_in_the_order_of_kedro(
    session_type: type[AbstractSession], make_project, order_in_kedro: dict[str, list[str]]
) -> None:
    """All of them, each with a value that only it can have."""
    given = {
        "pipeline_name": None,
        "run_id": "RID",
        "pipeline_names": ["calc"],
        "tags": ["t"],
        "runner": ThreadRunner(),
        "node_names": ["n.add", "n.double"],
        "from_nodes": ["n.add"],
        "to_nodes": ["n.double"],
        "from_inputs": ["params:a"],
        "to_outputs": ["d"],
        "load_versions": {"other": "v1"},
        "namespaces": ["n"],
        "only_missing_outputs": True,
        "runtime_params": {"a": 5},
    }
    project = make_project(TAGGED, settings=SEEING, catalog=OTHER)
    names = order_in_kedro[session_type.__name__][1:]
    with session_type.create(project_path=project) as session, pytest.raises(LookupError) as caught:
        session.run(*(given[name] for name in names))
    (seen,) = caught.value.args
    assert "ThreadRunner" in seen.pop("runner")
    expected = {name: given[name] for name in names if name not in ("pipeline_name", "runner")}
    assert {name: seen[name] for name in expected} == expected


def test_an_argument_is_given_once(session_type: type[AbstractSession], tiny: Path) -> None:
    with session_type.create(project_path=tiny) as session:
        with pytest.raises(TypeError, match=r"run\(\) got multiple values for argument 'tags'"):
            session.run(None, None, ["a"], tags=["b"])
        with pytest.raises(TypeError, match="at most"):
            session.run(*[None] * 20)


def test_a_session_has_one_successful_run(tiny: Path) -> None:
    with KedroSession.create(project_path=tiny) as session:
        with pytest.raises(ValueError):
            session.run(pipeline_names=["nope"])
        session.run()
        with pytest.raises(KedroSessionError, match="A run has already been completed"):
            session.run(pipeline_names=["nope"])


def test_the_run_id_of_a_session_is_its_own_id(make_project) -> None:
    project = make_project(catalog="d:\n  type: json.JSONDataset\n  filepath: data/d.json\n  versioned: true\n")
    with KedroSession.create(project_path=project) as session:
        session.run()
    assert (project / "data" / "d.json" / session.session_id / "d.json").read_text() == "6"


def test_a_service_session_runs_many_times_with_parameters_of_each_run(tiny: Path) -> None:
    with KedroServiceSession.create(project_path=tiny) as session:
        results = [session.run(runtime_params={"a": a})["d"].load() for a in (1, 10, 100)]
        assert session.run()["d"].load() == 6
        assert session.run(params={"a": 10})["d"].load() == 24
    assert results == [6, 24, 204]


def test_a_service_session_is_shared_by_threads(tiny: Path) -> None:
    with KedroServiceSession.create(project_path=tiny) as session, ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda a: session.run(runtime_params={"a": a})["d"].load(), range(200))
    assert list(results) == [2 * (a + 2) for a in range(200)]


def test_earlier_results_stay_loadable(tiny: Path) -> None:
    session = KedroServiceSession.create(project_path=tiny)
    first = session.run(runtime_params={"a": 1})
    session.run(runtime_params={"a": 2})
    session.close()
    assert first["d"].load() == 6
    assert session.run(runner=ThreadRunner())["d"].load() == 6


def test_values_of_callers_are_literals_only_when_serving(tiny: Path) -> None:
    plain = KedroServiceSession.create(project_path=tiny)
    assert plain.run(runtime_params={"a": "${b}"})["d"].load() == 8
    serving = KedroServiceSession.create(project_path=tiny, serving_mode=True)
    with pytest.raises(TypeError):
        serving.run(runtime_params={"a": "${b}"})


def test_a_context_shows_parameters_and_catalog(session_type: type[AbstractSession], tiny: Path) -> None:
    with session_type.create(project_path=tiny) as session:
        context = session.load_context()
    assert context.project_path == tiny
    assert context.params == {"a": 1, "b": 2}
    assert context.catalog.load("params:a") == 1
    assert context.catalog is not context.catalog


def test_a_project_may_forbid_that_parameters_choose_types(make_project) -> None:
    arguments = {"base_env": "base", "default_run_env": "local", "restrict_runtime_params_type_selection": True}
    catalog = "d: {type: '${runtime_params:kind,MemoryDataset}'}\n"
    project = make_project(catalog=catalog, settings=f"CONFIG_LOADER_ARGS = {arguments}\n")
    kind = {"kind": "json.JSONDataset"}
    with pytest.raises(KedroAsgiError, match="resolves a 'type' field .* is not permitted"):
        KedroSession.create(project_path=project, runtime_params=kind).run()
    session = KedroServiceSession.create(project_path=project)
    with pytest.raises(KedroAsgiError, match="resolves a 'type' field .* is not permitted"):
        session.run(runtime_params=kind)
    assert session.run()["d"].load() == 6


def test_an_unknown_argument_of_the_loader_is_reported_with_its_setting(make_project) -> None:
    project = make_project(settings="CONFIG_LOADER_ARGS = {'base_environment': 'base'}\n")
    with pytest.raises(TypeError, match="CONFIG_LOADER_ARGS of 'made_.*settings' .* 'base_environment'"):
        KedroSession.create(project_path=project).run()


@pytest.mark.parametrize(
    "setting", ["CONTEXT_CLASS", "CONFIG_LOADER_CLASS", "DATA_CATALOG_CLASS", "SESSION_STORE_CLASS"]
)
def test_a_class_that_does_not_fit_is_refused(make_project, setting: str) -> None:
    project = make_project(settings=f"{setting} = dict\n")
    with pytest.raises(ValueError, match=f"'builtins.dict' received for setting '{setting}'. It must be a subclass of"):
        KedroSession.create(project_path=project)


def test_classes_of_the_project_are_used(make_project) -> None:
    classes = """
    from kedro_asgi.io import DataCatalog
    from kedro_asgi.session import BaseSessionStore, KedroContext
    class Context(KedroContext):
        pass
    class Catalog(DataCatalog):
        pass
    class Store(BaseSessionStore):
        def __init__(self, path, session_id, colour):
            super().__init__(path, session_id)
            self["colour"] = colour
    """
    settings = """
    from .classes import Catalog, Context, Store
    CONTEXT_CLASS, DATA_CATALOG_CLASS, SESSION_STORE_CLASS = Context, Catalog, Store
    SESSION_STORE_ARGS = {"colour": "green"}
    """
    session = KedroSession.create(
        project_path=make_project(settings=settings, files={"src/{package}/classes.py": classes})
    )
    context = session.load_context()
    assert (type(context).__name__, type(context.catalog).__name__) == ("Context", "Catalog")
    assert session.store["colour"] == "green"
    assert session.run()["d"].load() == 6


def test_wrong_arguments_of_a_store_are_named(make_project) -> None:
    with pytest.raises(ValueError, match="Store config must only contain arguments valid for the constructor of"):
        KedroSession.create(project_path=make_project(settings="SESSION_STORE_ARGS = {'nope': 1}\n"))


VERSIONED = """
import time
from kedro_asgi.pipeline import Pipeline, node

def put(p):
    return p

def get(x):
    return x

def register_pipelines():
    return {"__default__": Pipeline([node(put, "params:p", "x", name="put"), node(get, "x", "y", name="get")])}
"""


@pytest.mark.parametrize("type_", ["json.JSONDataset", "kedro_asgi.io.files.json.JSONDataset"])
def test_a_run_loads_the_version_that_it_saved_whatever_others_save_meanwhile(make_project, type_: str) -> None:
    """The first class is that of kedro-datasets, where they are installed, the second is ours."""
    project = make_project(
        VERSIONED,
        parameters="p: 0\n",
        catalog=f"x:\n  type: {type_}\n  filepath: data/x.json\n  versioned: true\n",
    )
    session = KedroServiceSession.create(project_path=project, serving_mode=True)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda p: session.run(runtime_params={"p": p})["y"].load(), range(160)))
    assert results == list(range(160))


def test_a_path_names_the_project_whatever_package_is_configured(make_project, monkeypatch) -> None:
    configured, named = make_project(name="a"), make_project(VERSIONED, parameters="p: 5\n", name="b")
    package = bootstrap_project(configured).package_name
    configure_project(package)
    monkeypatch.chdir(configured)
    assert KedroServiceSession.create(project_path=named).run()["y"].load() == 5
    assert KedroServiceSession.create().run()["d"].load() == 6


ASYNC = """
import asyncio
from kedro_asgi.pipeline import Pipeline, node

LOOPS = []

async def one(a):
    LOOPS.append(asyncio.get_running_loop())
    return a

async def two(x):
    LOOPS.append(asyncio.get_running_loop())
    return x

def register_pipelines():
    return {"__default__": Pipeline([node(one, "params:a", "x", name="one"), node(two, "x", "y", name="two")])}
"""


NOTEBOOK = """
import asyncio, importlib, sys
from kedro_asgi.session import KedroServiceSession

async def cell():
    session = KedroServiceSession.create(project_path=sys.argv[1])
    return session.run()["y"].load(), session.engine.planner.project.package_name

result, package = asyncio.run(cell())
first, second = importlib.import_module(f"{package}.pipeline_registry").LOOPS
print(result, first is second, first.is_closed())
"""


def test_async_nodes_of_one_run_share_a_loop_also_where_another_is_running(make_project) -> None:
    """As in a notebook, whose cells run on a loop. In another process, since this one fails when a loop blocks."""
    line = [sys.executable, "-c", NOTEBOOK, str(make_project(ASYNC))]
    done = subprocess.run(line, capture_output=True, text=True, timeout=240)
    assert done.stdout.strip() == "1 True True", done.stderr


def test_a_record_that_holds_half_a_surrogate_pair_is_written_and_read(make_project) -> None:
    project = make_project(settings="from kedro_asgi.session import JSONSessionStore as SESSION_STORE_CLASS\n")
    with KedroSession.create(project_path=project, runtime_params={"a": 1, "note": "\ud800"}) as session:
        session.run()
    (record,) = (project / "sessions").glob("*.json")
    assert json.loads(record.read_text())["runtime_params"]["note"] == "\ud800"
    assert JSONSessionStore(record.parent, record.stem)["runtime_params"] == {"a": 1, "note": "\ud800"}


def test_a_session_for_one_run_tells_its_events(tiny: Path) -> None:
    events: list[Event] = []
    bootstrap_project(tiny)
    with KedroSession.create(project_path=tiny) as session:
        session.emit = events.append
        session.run()
    assert [event.node for event in events if isinstance(event, NodeFinished)] == ["add", "double"]
    assert {event.run_id for event in events} == {session.session_id}
