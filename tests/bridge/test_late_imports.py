"""Projects that import Kedro's framework late; each runs in a new process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeProject = Callable[..., Path]

SETTINGS = "CONFIG_LOADER_ARGS = {'base_env': 'base', 'default_run_env': 'base'}\n"
REGISTRY = """
from {package}.pipelines import telling

def register_pipelines():
    return {"__default__": telling.create_pipeline()}
"""
LATE_REGISTRY = """
def register_pipelines():
    from kedro.framework.project import find_pipelines
    pipelines = find_pipelines(raise_errors=True)
    return {"__default__": pipelines["telling"]}
"""
TELLING = """
from kedro.pipeline import Pipeline, node
{above}
def tell():
    from kedro.framework.project import PACKAGE_NAME, pipelines, settings
    return [PACKAGE_NAME[:4], sorted(pipelines), settings.CONFIG_LOADER_ARGS["default_run_env"]]

def create_pipeline(**kwargs):
    from kedro.framework.project import settings
    assert settings.CONFIG_LOADER_ARGS["default_run_env"] == "base"
    return Pipeline([node(tell, None, "told", name="tell")])
"""
ABOVE = """
from kedro.framework.project import settings
assert settings.CONFIG_LOADER_ARGS["default_run_env"] == "base"
"""
HOOKS = """
from kedro.framework.hooks import hook_impl
class Hooks:
    @hook_impl
    def after_context_created(self):
        from kedro.framework.project import pipelines
        assert sorted(pipelines) == ["__default__"]
"""
SESSION = """
from kedro.pipeline import Pipeline, node

def tell():
    from kedro.{late}
    from kedro.framework.session import KedroSession
    with KedroSession.create() as session:
        result = session.run(node_names=["inner"])
    return result["inner"].load()

def inner():
    from kedro.framework.project import PACKAGE_NAME, pipelines, settings
    return [PACKAGE_NAME[:4], sorted(pipelines), settings.CONFIG_LOADER_ARGS["default_run_env"]]

def create_pipeline(**kwargs):
    return Pipeline([node(tell, None, "told", name="tell"), node(inner, None, "inner", name="inner")])
"""


def told(project: Path, *options: str) -> Any:
    """Run the project as a user would, and return what its node wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro_asgi", "run", str(project), *options],
        cwd=project,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "cannot be configured" not in done.stderr
    return json.loads((project / "told.json").read_text())


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"src/{package}/pipeline_registry.py": LATE_REGISTRY}, []),
        ({}, []),
        pytest.param({}, ["--runner", "ParallelRunner"], marks=pytest.mark.slow),
        ({"src/{package}/pipelines/telling/__init__.py": TELLING.replace("{above}", ABOVE)}, []),
        pytest.param(
            {
                "src/{package}/pipelines/telling/__init__.py": TELLING.replace(
                    "{above}", f"from kedro.runner import SequentialRunner{ABOVE}"
                )
            },
            [],
            marks=pytest.mark.slow,
        ),
        ({"src/{package}/hooks.py": HOOKS}, []),
        *(
            pytest.param(
                {"src/{package}/pipelines/telling/__init__.py": SESSION.replace("{late}", late)},
                [],
                marks=pytest.mark.slow,
            )
            for late in (
                "framework.session import KedroSession",
                "framework.context import KedroContext",
                "framework.startup import ProjectMetadata",
            )
        ),
    ],
    ids=["registry", "node", "process", "module", "runner", "hook", "session", "context", "startup"],
)
def test_kedro_is_configured_whenever_it_is_imported(
    kedro_project: MakeProject, files: dict[str, str], options: list[str]
) -> None:
    hooks = "from .hooks import Hooks\nHOOKS = (Hooks(),)\n" if "src/{package}/hooks.py" in files else ""
    project = kedro_project(
        SETTINGS + hooks,
        files={
            "src/{package}/pipeline_registry.py": REGISTRY,
            "src/{package}/pipelines/telling/__init__.py": TELLING.replace("{above}", ""),
            **files,
        },
        catalog="told:\n  type: json.JSONDataset\n  filepath: told.json\n",
    )
    package = next(path.name for path in (project / "src").iterdir())
    assert told(project, *options) == [package[:4], ["__default__"], "base"]
