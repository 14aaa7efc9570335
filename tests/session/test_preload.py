"""Datasets that are loaded once, and shared by all runs of a session."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.errors import DatasetError, PreloadError, UnknownPreloadError
from kedro_asgi.runner import ParallelRunner, SequentialRunner
from kedro_asgi.session import AsyncSession, KedroServiceSession

REGISTRY = """
import threading
from kedro_asgi.pipeline import Pipeline, node

BEGUN, GATE = threading.Event(), threading.Event()

def apply(model, x):
    return {"id": id(model), "value": model["slope"] * x}

def both(left, right):
    return [left["slope"], right["slope"]]

def train(slope):
    return {"slope": slope}

def fail(model):
    raise RuntimeError("afterwards")

def wait(x):
    BEGUN.set()
    return GATE.wait(120)

def use(model, gate):
    return model["slope"]

def register_pipelines():
    predict = Pipeline([node(apply, ["model", "params:x"], "answer")])
    training = Pipeline([node(train, "params:slope", "model")])
    return {
        "__default__": predict,
        "train": training,
        "train_both": Pipeline([
            node(train, "params:slope", "left_model", name="l"), node(train, "params:slope", "right_model", name="r")
        ]),
        "both": Pipeline([node(both, ["left_model", "right_model"], "answer")]),
        "train_and_use": training + predict,
        "train_and_fail": training + Pipeline([node(fail, "model", None)]),
        "slow": Pipeline([node(wait, "params:x", "gate"), node(use, ["model", "gate"], "answer")]),
    }
"""
CATALOG = """
model:
  type: json.JSONDataset
  filepath: data/${runtime_params:model, model}.json
"{side}_model":
  type: json.JSONDataset
  filepath: data/{side}.json
kept:
  type: MemoryDataset
"""
FILES = {
    "data/model.json": '{"slope": 2}',
    "data/other.json": '{"slope": 50}',
    "data/left.json": '{"slope": 1}',
    "data/right.json": '{"slope": 1}',
}


@pytest.fixture
def project(make_project) -> Path:
    return make_project(REGISTRY, catalog=CATALOG, parameters="x: 10\nslope: 3\n", files=FILES)


def opened(project: Path, *preload: str) -> KedroServiceSession:
    return KedroServiceSession.create(project_path=project, serving_mode=True, preload=preload)


def answer(session: KedroServiceSession, *pipelines: str, **words: Any) -> Any:
    return session.run(pipeline_names=pipelines or None, **words)["answer"].load()


def test_it_is_loaded_once_and_never_copied(project: Path) -> None:
    session = opened(project, "model")
    (project / "data" / "model.json").unlink()
    answers = [answer(session) for _ in range(3)]
    assert [found["value"] for found in answers] == [20, 20, 20]
    assert {found["id"] for found in answers} == {id(session.engine.artifacts["model"].value)}
    assert session.preloaded == {"model": ""}


def test_without_it_each_run_loads(project: Path) -> None:
    session = opened(project)
    assert answer(session)["value"] == 20
    (project / "data" / "model.json").write_text('{"slope": 7}')
    assert answer(session)["value"] == 70


def test_a_project_that_registers_none_can_share_values(make_project) -> None:
    registry = REGISTRY.replace('"train": training,', '"train": training, "none": None,')
    project = make_project(registry, catalog=CATALOG, parameters="x: 10\nslope: 3\n", files=FILES)
    assert opened(project, "model").preloaded == {"model": ""}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["model"], ["model"]),
        (["*_model"], ["left_model", "right_model"]),
        (["left_model", "*model"], ["left_model", "model", "right_model"]),
        (["[lr]*_model"], ["left_model", "right_model"]),
        (["*"], ["left_model", "model", "right_model"]),
    ],
)
def test_patterns_match_entries_and_what_factories_make_of_used_names(project: Path, names: list, found: list) -> None:
    assert sorted(opened(project, *names).preloaded) == found


@pytest.mark.parametrize("name", ["modle", "x*", "params:x", "answer", "kept*"])
def test_a_name_that_the_catalog_does_not_have_is_an_error(project: Path, name: str) -> None:
    with pytest.raises(UnknownPreloadError, match=r"'preload' names '.*', but the catalog has no such dataset"):
        opened(project, name)


def test_the_projects_options_name_them_for_serving(project: Path) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.kedro-asgi]\npreload = ["model"]\n')
    assert KedroServiceSession.create(project_path=project, serving_mode=True).preloaded == {"model": ""}
    assert KedroServiceSession.create(project_path=project).preloaded == {}
    assert opened(project).preloaded == {}


def test_inputs_versions_and_values_of_a_run_win(project: Path) -> None:
    session = opened(project, "model")
    assert answer(session, inputs={"model": {"slope": 100}})["value"] == 1000
    assert answer(session, runtime_params={"model": "other"})["value"] == 500
    assert answer(session, runtime_params={"x": 1})["id"] == id(session.engine.artifacts["model"].value)


def test_what_a_run_saves_takes_its_place_for_the_runs_that_follow(project: Path) -> None:
    session = opened(project, "model")
    before = session.engine.artifacts["model"].value
    session.run(pipeline_names=["train"])
    assert before == {"slope": 2}
    (project / "data" / "model.json").unlink()
    assert answer(session)["value"] == 30
    assert answer(session, "train_and_use", runtime_params={"slope": 4})["value"] == 40
    assert answer(session)["value"] == 40


def test_what_a_run_saves_elsewhere_does_not(project: Path) -> None:
    session = opened(project, "model")
    session.run(pipeline_names=["train"], runtime_params={"model": "elsewhere"})
    assert json.loads((project / "data" / "elsewhere.json").read_text()) == {"slope": 3}
    assert answer(session)["value"] == 20


def test_a_run_that_fails_after_its_save_has_saved(project: Path) -> None:
    session = opened(project, "model")
    with pytest.raises(RuntimeError, match="afterwards"):
        session.run(pipeline_names=["train_and_fail"])
    assert answer(session)["value"] == 30


def test_a_run_keeps_what_it_began_with(project: Path) -> None:
    import importlib

    session = opened(project, "model")
    registry = importlib.import_module(f"{session.engine.planner.project.package_name}.pipeline_registry")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(answer, session, "slow")
        assert registry.BEGUN.wait(120)
        session.run(pipeline_names=["train"])
        session.reload()
        registry.GATE.set()
        assert slow.result(timeout=120) == 2
    assert answer(session)["value"] == 30


@pytest.mark.filterwarnings("ignore:Save version:UserWarning")
def test_versions_follow_the_latest_and_pins_are_kept(make_project) -> None:
    catalog = "model:\n  type: json.JSONDataset\n  filepath: data/model.json\n  versioned: true\n"
    project = make_project(REGISTRY, catalog=catalog, parameters="x: 10\nslope: 3\n")
    KedroServiceSession.create(project_path=project).run("2026-01-01T00.00.00.000Z", pipeline_names=["train"])
    session = opened(project, "model")
    session.run("2026-01-02T00.00.00.000Z", pipeline_names=["train"], runtime_params={"slope": 5})
    assert answer(session)["value"] == 50
    assert answer(session)["id"] == id(session.engine.artifacts["model"].value)
    assert answer(session, load_versions={"model": "2026-01-01T00.00.00.000Z"})["value"] == 30
    session.run(
        pipeline_names=["train"], runtime_params={"slope": 6}, load_versions={"model": "2026-01-01T00.00.00.000Z"}
    )
    assert answer(session)["value"] == 60


def test_a_dataset_that_is_not_there_yet_is_left_to_the_runs_until_one_saves_it(project: Path, caplog) -> None:
    (project / "data" / "model.json").unlink()
    with caplog.at_level(logging.WARNING, "kedro_asgi"):
        session = opened(project, "model")
    assert "Dataset 'model' is not preloaded, runs load it themselves" in caplog.text
    assert "No such file" in session.preloaded["model"]
    session.run(pipeline_names=["train"])
    assert session.preloaded == {"model": ""}
    (project / "data" / "model.json").unlink()
    assert answer(session)["value"] == 30


def test_reload_reads_configuration_and_artifacts_again(project: Path) -> None:
    session = opened(project, "model")
    (project / "data" / "model.json").write_text('{"slope": 7}')
    (project / "conf" / "base" / "parameters.yml").write_text("x: 100\nslope: 3\n")
    assert answer(session)["value"] == 20
    session.reload()
    assert answer(session)["value"] == 700
    (project / "conf" / "base" / "catalog.yml").write_text(CATALOG.replace(", model}", ", other}"))
    session.reload()
    assert answer(session)["value"] == 5000


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conf/base/catalog.yml", "a: [\n"),
        ("conf/base/catalog.yml", "model: 5\n"),
        ("conf/base/catalog.yml", "other:\n  type: MemoryDataset\n"),
        ("conf/base/parameters.yml", "a: [\n"),
        ("data/model.json", "{"),
        ("data/model.json", None),
    ],
)
def test_a_reload_that_fails_changes_nothing(project: Path, path: str, text: str | None) -> None:
    session = opened(project, "model")
    (project / path).write_text(text) if text is not None else (project / path).unlink()
    with pytest.raises(Exception, match="."):
        session.reload()
    assert answer(session)["value"] == 20
    assert session.preloaded == {"model": ""}


def test_a_failed_reload_names_the_dataset(project: Path) -> None:
    session = opened(project, "model")
    (project / "data" / "model.json").unlink()
    with pytest.raises(PreloadError, match="(?s)Cannot preload 'model': .*No such file"):
        session.reload()


HOOKS = """
from kedro_asgi.hooks import hook_impl

class Watcher:
    def __init__(self):
        self.loaded = []
        self.mine = None

    @hook_impl
    def after_catalog_created(self, catalog):
        assert catalog["model"].exists()
        if self.mine is not None:
            catalog["model"] = self.mine

    @hook_impl
    def before_dataset_loaded(self, dataset_name):
        self.loaded.append(f"before {dataset_name}")

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data):
        self.loaded.append(f"after {dataset_name} {data}")

WATCHER = Watcher()
HOOKS = (WATCHER,)
"""


def test_hooks_see_every_load_and_may_replace_the_dataset(make_project) -> None:
    import importlib

    project = make_project(REGISTRY, catalog=CATALOG, parameters="x: 10\nslope: 3\n", files=FILES, settings=HOOKS)
    session = opened(project, "model")
    watcher = importlib.import_module(f"{session.engine.planner.project.package_name}.settings").WATCHER
    for _ in range(2):
        answer(session)
    assert [told for told in watcher.loaded if "model" in told] == ["before model", "after model {'slope': 2}"] * 2
    watcher.mine = {"slope": 9}
    assert answer(session)["value"] == 90


@pytest.mark.parametrize("runner", ["ThreadRunner", "SequentialRunner"])
def test_runners_share_alike(project: Path, runner: str) -> None:
    import kedro_asgi.runner

    session = opened(project, "*")
    for file in (project / "data").glob("*.json"):
        file.unlink()
    assert answer(session, "both", runner=getattr(kedro_asgi.runner, runner)()) == [1, 1]


def test_artifacts_that_are_saved_together_change_together(project: Path) -> None:
    session = opened(project, "*_model")
    seen: list[Any] = []
    has_looked, is_over = threading.Event(), threading.Event()

    def train() -> None:
        for slope in range(2, 30):
            session.run(pipeline_names=["train_both"], runtime_params={"slope": slope})
            has_looked.clear()
            has_looked.wait(120)
        is_over.set()

    def look() -> None:
        while not is_over.is_set():
            seen.append(answer(session, "both"))
            has_looked.set()

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(train), *(pool.submit(look) for _ in range(4))]:
            done.result(timeout=240)
    assert all(left == right for left, right in seen)
    assert len({left for left, _ in seen}) > 1
    assert answer(session, "both") == [29, 29]


def test_processes_that_share_a_signal_read_each_others_artifacts(project: Path, monkeypatch) -> None:
    monkeypatch.setenv("KEDRO_SERVER_RELOAD_SIGNAL", str(project / "signal"))
    one, other = opened(project, "model"), opened(project, "model")
    assert [answer(session)["value"] for session in (one, other)] == [20, 20]
    one.run(pipeline_names=["train"])
    assert [answer(session)["value"] for session in (one, other)] == [30, 30]
    (project / "conf" / "base" / "parameters.yml").write_text("x: 100\nslope: 3\n")
    other.reload()
    assert [answer(session)["value"] for session in (one, other)] == [300, 300]
    shared = one.engine.artifacts["model"].value
    assert {answer(one)["id"] for _ in range(3)} == {id(shared)}


def test_processes_read_a_reload_signal_without_artifacts_too(project: Path, monkeypatch) -> None:
    monkeypatch.setenv("KEDRO_SERVER_RELOAD_SIGNAL", str(project / "signal"))
    one, other = opened(project), opened(project)
    assert [answer(session)["value"] for session in (one, other)] == [20, 20]
    (project / "conf" / "base" / "parameters.yml").write_text("x: 100\nslope: 3\n")
    one.reload()
    assert [answer(session)["value"] for session in (one, other)] == [200, 200]


@pytest.mark.parametrize("parameters", ["x: 100\nslope: 3\n", "x: ["])
def test_a_saved_artifact_makes_no_process_read_the_configuration(project: Path, monkeypatch, parameters: str) -> None:
    """It may be edited for a reload that is still to come."""
    monkeypatch.setenv("KEDRO_SERVER_RELOAD_SIGNAL", str(project / "signal"))
    one, other = opened(project, "model"), opened(project, "model")
    (project / "conf" / "base" / "parameters.yml").write_text(parameters)
    one.run(pipeline_names=["train"])
    assert [answer(session)["value"] for session in (one, other)] == [30, 30]


def test_a_reload_that_cannot_be_read_leaves_a_process_as_it_was(project: Path, monkeypatch, caplog) -> None:
    monkeypatch.setenv("KEDRO_SERVER_RELOAD_SIGNAL", str(project / "signal"))
    session = opened(project, "model")
    (project / "data" / "model.json").write_text("{")
    (project / "signal").write_text("news")
    assert [answer(session)["value"] for _ in range(3)] == [20, 20, 20]
    assert caplog.text.count("that another process has reloaded cannot be read") == 1


@pytest.mark.anyio
async def test_async_sessions_preload_and_reload(project: Path) -> None:
    async with AsyncSession.create(project_path=project, preload=["model"]) as session:
        assert session.prepared is None
        assert (await session.run()).outputs["answer"]["value"] == 20
        (project / "data" / "model.json").write_text('{"slope": 7}')
        await session.reload()
        assert (await session.run()).outputs["answer"]["value"] == 70
        (project / "data" / "model.json").write_text("{")
        with pytest.raises(PreloadError, match="model"):
            await session.reload()
        assert (await session.run()).outputs["answer"]["value"] == 70


READERS = """
import dataclasses
from pathlib import Path
from kedro_asgi.io import AbstractDataset

@dataclasses.dataclass
class Holder:
    inner: object

class Lines(AbstractDataset):
    def __init__(self, filepath, kind):
        self._filepath, self._kind = filepath, kind

    def load(self):
        values = map(int, Path(self._filepath).read_text().split())
        match self._kind:
            case "iterator": return values
            case "generator": return (value for value in values)
            case "nested": return {"deep": [(values,)]}
            case "dataclass": return Holder(values)
            case "file": return open(self._filepath)
            case "chunks":
                import pandas as pd
                return pd.read_csv(self._filepath, chunksize=1, names=["x"])
            case "list": return [*values]

    def save(self, data): raise NotImplementedError

    def _describe(self): return {}
"""
READER_REGISTRY = """
import contextlib
from collections.abc import Iterable
from kedro_asgi.pipeline import Pipeline, node

def total(value):
    with contextlib.ExitStack() as stack:
        match value:
            case {"deep": [(lines,)]}: pass
            case Iterable(): lines = value
            case _: lines = value.inner
        if hasattr(lines, "close"):
            stack.callback(lines.close)
        return sum(int(line["x"].iloc[0] if hasattr(line, "columns") else line) for line in lines)

def register_pipelines():
    return {"__default__": Pipeline([node(total, "lines", "answer")])}
"""


@pytest.fixture
def make_reader(make_project):
    def make(kind: str) -> Path:
        catalog = f"lines:\n  type: {{package}}.readers.Lines\n  filepath: data/lines.txt\n  kind: {kind}\n"
        files = {"data/lines.txt": "1\n2\n3\n", "src/{package}/readers.py": READERS}
        return make_project(READER_REGISTRY, catalog=catalog, files=files)

    return make


@pytest.mark.parametrize("kind", ["iterator", "generator", "nested", "dataclass", "file", "chunks"])
@pytest.mark.parametrize("names", ["lines", "*"])
def test_a_value_that_can_be_read_only_once_is_left_to_the_runs(make_reader, kind: str, names: str, caplog) -> None:
    session = opened(make_reader(kind), names)
    assert [answer(session) for _ in range(3)] == [6, 6, 6]
    assert "which can be read only once, so each run loads it itself" in session.preloaded["lines"]
    assert caplog.text.count("Dataset 'lines' is not preloaded") == 1
    assert session.missing == {}
    session.reload()
    assert answer(session) == 6


def test_a_list_is_shared(make_reader) -> None:
    session = opened(make_reader("list"), "lines")
    assert session.preloaded == {"lines": ""}


@pytest.mark.parametrize("pipeline", [None, "both"])
def test_a_file_that_appears_is_shared_after_the_first_run_that_loads_it(project: Path, pipeline: str | None) -> None:
    for file in (project / "data").glob("*.json"):
        file.rename(file.with_suffix(".away"))
    session = opened(project, "model", "*_model")
    with pytest.raises(Exception, match="No such file"):
        answer(session)
    assert sorted(session.missing) == ["left_model", "model", "right_model"]
    for file in (project / "data").glob("*.away"):
        file.rename(file.with_suffix(".json"))
    names = [] if pipeline is None else [pipeline]
    first = answer(session, *names)
    for file in (project / "data").glob("*.json"):
        file.unlink()
    second = answer(session, *names)
    assert (first, second) == ([1, 1], [1, 1]) if pipeline else first["value"] == second["value"] == 20
    assert sorted(session.missing) == (["model"] if pipeline else ["left_model", "right_model"])


def test_a_session_can_try_again(project: Path) -> None:
    (project / "data" / "model.json").rename(project / "data" / "away.json")
    session = opened(project, "model")
    session.load_missing()
    assert "No such file" in session.missing["model"]
    (project / "data" / "away.json").rename(project / "data" / "model.json")
    session.load_missing()
    assert session.preloaded == {"model": ""}


INBOX = """
import json
from pathlib import Path
from kedro_asgi.io import AbstractDataset

class Inbox(AbstractDataset):
    '''Loads the texts of a folder that were not confirmed yet.'''
    def __init__(self, path):
        self._path, self._loaded = Path(path), []

    def load(self):
        done = self._path / "done.json"
        known = json.loads(done.read_text()) if done.exists() else []
        self._loaded = sorted(file.name for file in self._path.glob("*.txt") if file.name not in known)
        return {name: (self._path / name).read_text() for name in self._loaded}

    def save(self, data): raise NotImplementedError

    def confirm(self):
        done = self._path / "done.json"
        known = json.loads(done.read_text()) if done.exists() else []
        done.write_text(json.dumps(known + self._loaded))

    def _describe(self): return {}
"""
INBOX_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def read(inbox):
    return sorted(inbox)

def register_pipelines():
    return {
        "__default__": Pipeline([node(read, "inbox", "answer", confirms="inbox")]),
        "look": Pipeline([node(read, "inbox", "answer")]),
        "later": Pipeline([
            node(read, "inbox", "seen"), node(lambda seen: seen, "seen", "answer", confirms="inbox", name="confirm")
        ]),
    }
"""


@pytest.mark.parametrize("pipeline", ["__default__", "later"])
def test_a_run_that_confirms_a_dataset_processes_each_part_once(make_project, pipeline: str) -> None:
    catalog = "inbox:\n  type: {package}.inbox.Inbox\n  path: data\n"
    files = {"data/a.txt": "a", "src/{package}/inbox.py": INBOX}
    project = make_project(INBOX_REGISTRY, catalog=catalog, files=files)
    session = opened(project, "inbox")
    assert answer(session, "look") == ["a.txt"]
    (project / "data" / "b.txt").write_text("b")
    assert answer(session, "look") == ["a.txt"]
    assert answer(session, pipeline) == ["a.txt", "b.txt"]
    assert answer(session, "look") == answer(session, pipeline) == []
    (project / "data" / "c.txt").write_text("c")
    assert answer(session, pipeline) == ["c.txt"]
    assert answer(session, pipeline) == []


def test_a_save_in_one_format_renews_the_artifact_in_another(make_project) -> None:
    catalog = "".join(f"model@{kind}:\n  type: json.JSONDataset\n  filepath: data/model.json\n" for kind in ("a", "b"))
    registry = """
        from kedro_asgi.pipeline import Pipeline, node

        def register_pipelines():
            return {
                "train": Pipeline([node(lambda slope: {"slope": slope}, "params:slope", "model@a")]),
                "use": Pipeline([node(lambda model: model["slope"], "model@b", "answer")]),
            }
    """
    project = make_project(
        registry, catalog=catalog, parameters="slope: 3\n", files={"data/model.json": '{"slope": 2}'}
    )
    session = opened(project, "*")
    assert answer(session, "use") == 2
    session.run(pipeline_names=["train"])
    assert answer(session, "use") == 3


HALF = """
import threading
from pathlib import Path
from kedro_asgi.io import AbstractDataset
from kedro_asgi.pipeline import Pipeline, node

class Half(AbstractDataset):
    def __init__(self, filepath):
        self._filepath = Path(filepath)
    def _load(self):
        return self._filepath.read_text()
    def _save(self, data):
        self._filepath.write_text("half")
        raise OSError("the disk is full")
    def _describe(self):
        return {}

def train(x):
    return threading.Lock()  # cannot be sent to another process

def use(model):
    return model

def register_pipelines():
    train_model = Pipeline([node(train, "params:a", "model", name="train")])
    return {"__default__": Pipeline([node(use, "model", "used", name="use")]), "train": train_model}
"""


@pytest.mark.parametrize("runner", [SequentialRunner, ParallelRunner])
def test_a_save_that_fails_in_any_process_ends_the_use_of_the_artifact(make_project, runner) -> None:
    catalog = "model:\n  type: {package}.pipeline_registry.Half\n  filepath: model.txt\n"
    project = make_project(HALF, files={"conf/base/catalog.yml": catalog, "model.txt": "whole"})
    session = KedroServiceSession.create(project_path=project, preload=["model"])
    assert session.run()["used"].load() == "whole"
    with pytest.raises(DatasetError, match="the disk is full"):
        session.run(pipeline_names=["train"], runner=runner())
    assert session.run()["used"].load() == "half"
    session.close()
