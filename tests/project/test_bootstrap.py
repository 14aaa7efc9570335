"""From a folder or a package name to a `Project`."""

import logging
import os
import shutil
import sys
from pathlib import Path

import pytest

from kedro_asgi.errors import PackageConflictError, SettingsError
from kedro_asgi.project import (
    bootstrap_project,
    configure_project,
    current_project,
    find_pipelines,
    validate_settings,
)
from kedro_asgi.session import KedroSession


def test_bootstrap_makes_the_package_importable_also_in_child_processes(tiny: Path) -> None:
    bootstrap_project(tiny)
    bootstrap_project(tiny)
    source = str(tiny / "src")
    assert sys.path.count(source) == 1
    assert os.environ["PYTHONPATH"].split(os.pathsep).count(source) == 1


def test_bootstrap_does_not_change_logging(tiny: Path) -> None:
    root = logging.getLogger()
    handler = logging.NullHandler()
    root.addHandler(handler)
    before = (list(root.handlers), root.level)
    bootstrap_project(tiny)
    assert (list(root.handlers), root.level) == before
    root.removeHandler(handler)


def test_two_projects_live_in_one_process(make_project) -> None:
    one, two = make_project(name="one"), make_project(name="two")
    first, second = bootstrap_project(one), bootstrap_project(two)
    assert first.pipelines.load().keys() == second.pipelines.load().keys()
    assert first.package_name != second.package_name
    assert current_project() is second


def test_a_second_project_with_the_same_package_name_is_refused(make_project) -> None:
    one, two = make_project(name="one"), make_project(name="two")
    package = next((one / "src").iterdir()).name
    next((two / "src").iterdir()).rename(two / "src" / package)
    pyproject = two / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(bootstrap_project(two.parent / "one").package_name, package))
    pyproject.write_text((one / "pyproject.toml").read_text())
    (two / "src" / package / "settings.py").write_text("MINE = 2")
    with pytest.raises(PackageConflictError, match="already imported from"):
        bootstrap_project(two)


def copied(project: Path, name: str) -> Path:
    return Path(shutil.copytree(project, project.parent / name))


def test_a_copy_of_the_project_runs_in_its_own_folder(make_project) -> None:
    project = make_project(catalog="d: {type: json.JSONDataset, filepath: d.json}\n")
    for folder in (project, copied(project, "copy"), copied(project, "another")):
        bootstrap_project(folder)
        with KedroSession.create(project_path=folder) as session:
            session.run()
        assert (folder / "d.json").exists()


def test_a_copy_of_a_project_whose_folder_is_gone_may_have_other_code(make_project) -> None:
    project = make_project(settings="MINE = 1")
    copy = copied(project, "copy")
    assert bootstrap_project(project).settings.extras["MINE"] == 1
    shutil.rmtree(project)
    next((copy / "src").iterdir()).joinpath("settings.py").write_text("MINE = 2")
    assert bootstrap_project(copy).settings.extras["MINE"] == 2


def test_configure_project_does_not_import_the_package() -> None:
    project = configure_project("made_missing_pkg")
    with pytest.raises(ModuleNotFoundError, match="made_missing_pkg"):
        validate_settings(project)
    with pytest.raises(ModuleNotFoundError, match="made_missing_pkg"):
        project.pipelines.load()


def test_validate_settings_needs_a_project() -> None:
    with pytest.raises(ValueError, match="Package name not found. Make sure you have configured the project using"):
        validate_settings(None)


def test_settings_have_kedros_defaults_and_keep_unknown_names(make_project) -> None:
    settings = bootstrap_project(make_project(settings="CONF_SOURCE = 'settings'\nMINE = 5\nlower = 1\n")).settings
    assert settings.conf_source == "settings"
    assert settings.config_loader_args == {"base_env": "base", "default_run_env": "local"}
    assert settings.extras == {"MINE": 5}


def test_a_project_without_settings_has_the_defaults(tiny: Path) -> None:
    next((tiny / "src").iterdir()).joinpath("settings.py").unlink()
    assert bootstrap_project(tiny).settings.conf_source == "conf"


def test_validate_settings_warns_of_missing_settings(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    next((tiny / "src").iterdir()).joinpath("settings.py").unlink()
    bootstrap_project(tiny)
    validate_settings()
    assert caplog.messages == ["No 'settings.py' found, defaults will be used."]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ("1 +\n", SyntaxError, "settings.py"),
        ("import nope_zz\n", ModuleNotFoundError, "nope_zz"),
        ("raise RuntimeError('broken')\n", RuntimeError, "broken"),
        ("CONTEXT_CLASS = 5\n", TypeError, "Invalid value '5' received for setting 'CONTEXT_CLASS'"),
        ("RUNNER_MODULE_ALLOWLIST = 'one'\n", SettingsError, "RUNNER_MODULE_ALLOWLIST"),
        ("CONFIG_LOADER_ARGS = 5\n", SettingsError, "CONFIG_LOADER_ARGS"),
    ],
)
def test_broken_settings_fail_at_bootstrap(make_project, settings: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bootstrap_project(make_project(settings=settings))


def test_find_pipelines_needs_a_project() -> None:
    with pytest.raises(RuntimeError, match="'find_pipelines' cannot be called before the project is configured."):
        find_pipelines()
