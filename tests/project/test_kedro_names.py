"""The names and keywords that projects import from Kedro are there under the same names."""

import copy
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.config import ConfigLoader, OmegaConfigLoader
from kedro_asgi.hooks import hook_impl
from kedro_asgi.hooks import manager as manager_module
from kedro_asgi.inspection import get_project_snapshot
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.project import (
    bootstrap_project,
    configure_project,
    current_project,
    pipelines,
    settings,
)
from kedro_asgi.runner import SequentialRunner
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.utils import find_kedro_project, is_kedro_project, load_obj

PIPELINE = Pipeline([node(len, "text", "length", name="n")])


@pytest.fixture
def project(make_project) -> Path:
    catalog = "out:\n  type: json.JSONDataset\n  filepath: data/${runtime_params:name, plain}.json\n"
    return make_project(catalog=catalog, files={"conf/prod/catalog.yml": "out: {type: MemoryDataset}\n"})


def test_a_snapshot_is_taken_of_a_folder(project: Path) -> None:
    snapshot = get_project_snapshot(project)
    package = next((project / "src").iterdir()).name
    assert snapshot.metadata.package_name == package
    assert [pipeline.name for pipeline in snapshot.pipelines] == ["__default__", "calc"]
    assert snapshot.datasets["out"].filepath == "data/plain.json"
    assert snapshot.parameters == ("a", "b")
    assert not (project / "data").exists()


def test_a_snapshot_takes_an_environment_a_source_and_parameters(project: Path, tmp_path: Path) -> None:
    metadata = bootstrap_project(project)
    assert get_project_snapshot(metadata=metadata, env="prod").datasets["out"].type == "MemoryDataset"
    named = get_project_snapshot(metadata=metadata.metadata, runtime_params={"name": "mine"})
    assert named.datasets["out"].filepath == "data/mine.json"
    (tmp_path / "other/base").mkdir(parents=True)
    assert get_project_snapshot(project, conf_source=str(tmp_path / "other")).datasets == {}


def test_a_snapshot_needs_a_project_and_prefers_its_metadata(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Either project_path or metadata must be provided"):
        get_project_snapshot()
    metadata = bootstrap_project(project)
    with pytest.warns(UserWarning, match="is not the folder of 'metadata'"):
        assert get_project_snapshot(tmp_path, metadata=metadata).datasets.keys() == {"out"}


def test_a_snapshot_asks_the_projects_own_loader(make_project) -> None:
    settings = """
    from kedro_asgi.config import AbstractConfigLoader
    class Loader(AbstractConfigLoader):
        def __getitem__(self, key):
            return {"parameters": {"mine": 1}, "catalog": {}}[key]
    CONFIG_LOADER_CLASS = Loader
    CONFIG_LOADER_ARGS = {}
    """
    assert get_project_snapshot(make_project(settings=settings)).parameters == ("mine",)


def test_helpers_take_kedros_keywords(project: Path) -> None:
    assert is_kedro_project(project_path=project)
    assert not is_kedro_project(project_path=project / "src")
    assert find_kedro_project(current_dir=project / "src") == project


def test_configure_project_takes_preserve_logging(project: Path) -> None:
    package = bootstrap_project(project).package_name
    for preserve in (False, True):
        configure_project(package, preserve_logging=preserve)
        assert current_project().package_name == package


def test_an_object_is_loaded_by_its_path() -> None:
    assert load_obj("pathlib.Path") is Path
    assert load_obj("Path", "pathlib") is Path
    assert load_obj("os.path.join") is __import__("os").path.join
    with pytest.raises(AttributeError):
        load_obj("pathlib.Nothing")
    with pytest.raises(ModuleNotFoundError):
        load_obj("nowhere_at_all.Path")


def test_the_loader_has_kedros_name_too(make_project) -> None:
    assert OmegaConfigLoader is ConfigLoader
    settings = "from kedro_asgi.config import OmegaConfigLoader\nCONFIG_LOADER_CLASS = OmegaConfigLoader\n"
    assert KedroServiceSession.create(project_path=make_project(settings=settings)).run()["d"].load() == 6


def test_settings_and_pipelines_are_those_of_the_current_project(make_project) -> None:
    text = "CONF_SOURCE = 'conf'\nMINE = 5\n"
    bootstrap_project(make_project(settings=text))
    assert (settings.CONF_SOURCE, settings.MINE, settings.get("mine"), settings.get("NOTHING", 1)) == ("conf", 5, 5, 1)
    assert settings.CONFIG_LOADER_CLASS is ConfigLoader
    assert settings.CONFIG_LOADER_ARGS == {"base_env": "base", "default_run_env": "local"}
    assert settings.HOOKS == ()
    with pytest.raises(AttributeError, match="no setting 'NOTHING'"):
        _ = settings.NOTHING
    assert list(pipelines) == ["__default__", "calc"]
    assert len(pipelines["calc"].nodes) == 2
    assert pipelines.get("nothing") is None
    bootstrap_project(make_project(settings="MINE = 6", name="second"))
    assert settings.MINE == 6


def test_a_node_of_a_served_project_finds_its_settings(make_project) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    from kedro_asgi.project import pipelines, settings
    def register_pipelines():
        return {"__default__": Pipeline([node(lambda: [settings.MINE, sorted(pipelines)], None, "out")])}
    """
    command = f"""
import sys
from kedro_asgi.runner import SequentialRunner
from kedro_asgi.session import KedroServiceSession
session = KedroServiceSession.create(project_path={str(make_project(registry, settings="MINE = 7"))!r})
print(session.run()["out"].load())
"""
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[7, ['__default__']]"


def test_a_copy_of_a_node_may_have_another_function() -> None:
    first = node(len, "a", "b", name="n", tags="t")
    changed = first._copy(func=str, tags="u")
    assert (changed.func, changed.name, changed.tags, first.func) == (str, "n", {"u"}, len)


class _Noting:
    """Hooks that note what they see."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hook_impl
    def before_node_run(self, node: Any) -> None:
        self.seen.append(node.name)


def test_a_runner_of_a_project_registers_hooks_by_kedros_names() -> None:
    manager, hooks = manager_module._create_hook_manager(), _Noting()
    manager_module._register_hooks(manager, [hooks, hooks])
    manager_module._register_hooks_entry_points(manager, ["kedro-telemetry"])
    SequentialRunner().run(PIPELINE, DataCatalog({"text": "abc"}), manager)
    assert hooks.seen == ["n"]
    with pytest.raises(TypeError, match="hooks to be registered as instances: write _Noting()"):
        manager_module._register_hooks(manager, [_Noting])


def test_a_manager_without_hooks_takes_every_call() -> None:
    nothing = manager_module._NullPluginManager()
    assert nothing.hook.before_node_run(node=1) is None
    assert SequentialRunner().run(PIPELINE, DataCatalog({"text": "abc"}), nothing)["length"].load() == 3
    assert type(copy.deepcopy(nothing)) is type(nothing)


@pytest.mark.parametrize(
    ("ours", "kedros"),
    [
        ("hooks.markers", "framework.hooks.markers"),
        ("hooks.specs", "framework.hooks.specs"),
        ("runner.runner", "runner.runner"),
        ("runner.sequential_runner", "runner.sequential_runner"),
        ("runner.thread_runner", "runner.thread_runner"),
        ("runner.parallel_runner", "runner.parallel_runner"),
        ("session.session", "framework.session.session"),
        ("session.abstract_session", "framework.session.abstract_session"),
        ("session.service_session", "framework.session.service_session"),
        ("session.context", "framework.context.context"),
    ],
)
def test_modules_define_the_classes_that_they_define_in_kedro(ours: str, kedros: str) -> None:
    kedros_module = importlib.import_module(f"kedro.{kedros}")
    defined = [
        name
        for name, value in vars(kedros_module).items()
        if getattr(value, "__module__", "") == kedros_module.__name__ and isinstance(value, type) and name[0] != "_"
    ]
    missing = [name for name in defined if not hasattr(importlib.import_module(f"kedro_asgi.{ours}"), name)]
    assert missing == []


def test_no_project_is_configured_by_no_name() -> None:
    with pytest.raises(ValueError, match="Package name not found"):
        configure_project("")
