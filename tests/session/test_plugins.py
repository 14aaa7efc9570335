"""Hooks that installed distributions bring through entry points (HOOK-9, HOOK-10)."""

import sys
from pathlib import Path

import pytest

from kedro_asgi.errors import PluginError
from kedro_asgi.session import KedroServiceSession

PLUGIN = """
from kedro_asgi.hooks import hook_impl
CALLS = []
class Plugin:
    @hook_impl
    def before_pipeline_run(self):
        CALLS.append("plugin")
hooks = Plugin()
"""
SETTINGS = """
from made_plugin import CALLS
from kedro_asgi.hooks import hook_impl
class Own:
    @hook_impl
    def before_pipeline_run(self):
        CALLS.append("project")
HOOKS = (Own(),)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that installs a distribution with hooks, as pip would leave it."""

    def install(module: str = PLUGIN, *, distribution: str = "made-plugin", target: str = "made_plugin:hooks") -> None:
        site = tmp_path / f"site-{distribution}"
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[kedro.hooks]\n{distribution} = {target}\n")
        (site / f"{target.partition(':')[0]}.py").write_text(module)
        monkeypatch.setattr(sys, "path", [str(site), *sys.path])

    return install


def calls() -> list[str]:
    return sys.modules["made_plugin"].CALLS


def test_hooks_of_plugins_come_after_those_of_the_project_and_are_called_first(make_project, install) -> None:
    install()
    KedroServiceSession.create(project_path=make_project(settings=SETTINGS)).run()
    assert calls() == ["plugin", "project"]


def test_a_plugin_that_the_project_disables_is_called_by_no_run(make_project, install) -> None:
    install()
    settings = f"{SETTINGS}\nDISABLE_HOOKS_FOR_PLUGINS = ('Made_Plugin',)\n"
    KedroServiceSession.create(project_path=make_project(settings=settings)).run()
    assert calls() == ["project"]


def test_a_disabled_plugin_is_not_even_imported(make_project, install) -> None:
    install("raise RuntimeError('imported')")
    project = make_project(settings="DISABLE_HOOKS_FOR_PLUGINS = ('made-plugin',)\n")
    assert KedroServiceSession.create(project_path=project).run()["d"].load() == 6


def test_telemetry_is_never_loaded(make_project, install) -> None:
    install("raise RuntimeError('phoning home')", distribution="kedro-telemetry", target="made_telemetry:hooks")
    assert KedroServiceSession.create(project_path=make_project()).run()["d"].load() == 6


def test_a_plugin_that_cannot_be_imported_is_named(make_project, install) -> None:
    install("import nowhere_to_be_found")
    with pytest.raises(PluginError, match=r"'made-plugin' .*nowhere_to_be_found.*DISABLE_HOOKS_FOR_PLUGINS"):
        KedroServiceSession.create(project_path=make_project())


def switch(project: Path, **plugins: bool) -> Path:
    lines = "".join(f"{name} = {str(is_on).lower()}\n" for name, is_on in plugins.items())
    file = project / "pyproject.toml"
    file.write_text(f"{file.read_text()}\n[tool.kedro-asgi.plugins]\n{lines}")
    return project


def test_the_project_turns_plugins_on_and_off(make_project, install) -> None:
    install()
    KedroServiceSession.create(project_path=switch(make_project(settings=SETTINGS), made_plugin=False)).run()
    assert calls() == ["project"]


def test_telemetry_is_loaded_only_where_the_project_asks_for_it(make_project, install) -> None:
    install("raise RuntimeError('asked for')", distribution="kedro-telemetry", target="made_telemetry:hooks")
    with pytest.raises(PluginError, match="asked for"):
        KedroServiceSession.create(project_path=switch(make_project(), **{"kedro-telemetry": True}))


def test_an_unknown_option_is_named(make_project) -> None:
    project = make_project()
    file = project / "pyproject.toml"
    file.write_text(f"{file.read_text()}\n[tool.kedro-asgi]\nplugin = 1\n")
    with pytest.raises(RuntimeError, match=r"\[tool.kedro-asgi\] of .*pyproject.toml'.*unknown field `plugin`"):
        KedroServiceSession.create(project_path=project)
