"""The names and keywords that projects import from Kedro are there under the same names."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from kedro_asgi.config import ConfigLoader, OmegaConfigLoader
from kedro_asgi.errors import LoggingConfigError
from kedro_asgi.hooks import _create_hook_manager, create_hook_manager
from kedro_asgi.inspection import get_project_snapshot
from kedro_asgi.pipeline import node
from kedro_asgi.project import (
    LOGGING,
    bootstrap_project,
    configure_logging,
    configure_project,
    current_project,
    pipelines,
    settings,
)
from kedro_asgi.project.project_logging import ProjectLogging
from kedro_asgi.session import KedroServiceSession
from kedro_asgi.utils import find_kedro_project, is_kedro_project, load_obj


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


def test_a_hook_manager_has_the_name_that_it_has_in_kedro() -> None:
    assert _create_hook_manager is create_hook_manager


LOGGING_CONFIG = """
version: 1
disable_existing_loggers: false
filters: {runs: {class: kedro_asgi.run_context.RunContextFilter}}
handlers: {file: {class: logging.FileHandler, filename: own.log, filters: [runs]}}
loggers: {project_names: {level: DEBUG, handlers: [file]}}
"""


def test_the_logging_of_a_project_is_read_and_applied_when_asked(
    make_project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = make_project(files={"conf/logging.yml": LOGGING_CONFIG})
    bootstrap_project(project)
    monkeypatch.setenv("KEDRO_LOGGING_MODULE_ALLOWLIST", "kedro_asgi.run_context")
    own = ProjectLogging()
    assert own["loggers"]["project_names"]["level"] == "DEBUG"
    assert logging.getLogger("project_names").level == logging.NOTSET
    own.set_project_logging("project_names_too")
    try:
        for name, level in (("project_names", logging.DEBUG), ("project_names_too", logging.INFO)):
            assert logging.getLogger(name).level == level
        logging.getLogger("project_names").debug("written")
        assert (project / "own.log").read_text() == "written\n"
    finally:
        own.configure({"version": 1, "disable_existing_loggers": False, "incremental": False})
        for handler in logging.getLogger("project_names").handlers[:]:
            logging.getLogger("project_names").removeHandler(handler)
            handler.close()
    other = tmp_path / "other.yml"
    other.write_text("formatters: {plain: {format: '%(message)s'}}\n")
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", str(other))
    assert "plain" in ProjectLogging().data["formatters"]
    assert LOGGING["formatters"] == {"plain": {"format": "%(message)s"}}


@pytest.mark.parametrize("config", [[], {"handlers": {"h": {"()": "os.system"}}}, {"version": 9}])
def test_a_logging_configuration_that_cannot_be_used_is_refused(config: object) -> None:
    with pytest.raises(LoggingConfigError):
        configure_logging(config)
