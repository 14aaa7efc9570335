"""Projects that import Kedro."""

from collections.abc import Callable
from pathlib import Path

import pytest

REGISTRY = """
from kedro.framework.project import find_pipelines

def register_pipelines():
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum(pipelines.values())
    return pipelines
"""
CALC = """
from kedro.pipeline import Node, Pipeline, node, pipeline

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def create_pipeline(**kwargs):
    one = pipeline([
        Node(add, inputs=dict(y="params:b", x="params:a"), outputs="s", name="add", tags="sum"),
        node(double, ["s"], ["d"][0], name="double"),
    ])
    return one
"""
TWICE = """
from kedro.pipeline import Pipeline
from ..calc import create_pipeline as calc

def create_pipeline(**kwargs):
    return Pipeline(calc(), namespace="again", parameters={"params:a", "params:b"})
"""
SETTINGS = """
from kedro.config import OmegaConfigLoader

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
"""


@pytest.fixture
def kedro_project(make_project: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a project as Kedro's template makes it."""

    def make(
        settings: str = "", *, files: dict[str, str] | None = None, catalog: str = "", name: str = "project"
    ) -> Path:
        pipelines = {"calc": CALC, "twice": TWICE}
        return make_project(
            REGISTRY,
            settings=SETTINGS + settings,
            catalog=catalog,
            name=name,
            files={
                "src/{package}/pipelines/__init__.py": "",
                **{f"src/{{package}}/pipelines/{name}/__init__.py": text for name, text in pipelines.items()},
                **(files or {}),
            },
        )

    return make
