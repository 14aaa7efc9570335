"""Typed parameters and validators of projects that import from Kedro, on our engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.errors import DataValidationError, error_type
from kedro_asgi.session import KedroServiceSession

MakeProject = Callable[..., Path]

REGISTRY = """
from __future__ import annotations
from dataclasses import dataclass
from kedro.pipeline import node, pipeline

@dataclass
class Options:
    rate: float

def use(options: Options, x):
    return options.rate * x

def register_pipelines():
    return {"__default__": pipeline([
        node(use, ["params:options", "params:x"], "checked"),
        node(lambda rate, checked: [rate, checked], ["params:options.rate", "checked"], "out", name="out"),
    ])}
"""
CHECKS = """
from kedro.validation import DataValidationError

def small(data):
    if data > 10:
        raise DataValidationError(f"{data} is too much")
"""
HOOKS = """
from kedro.framework.hooks import hook_impl
from kedro.validation import DataValidationError

class Hooks:
    caught = []

    @hook_impl
    def on_pipeline_error(self, error):
        self.caught.append(isinstance(error, DataValidationError))

HOOKS = (Hooks(),)
"""
CONTEXT = """
from kedro.framework.context import KedroContext
class Context(KedroContext):
    pass
"""
CATALOG = """
from kedro.io import DataCatalog
class Catalog(DataCatalog):
    pass
"""
SETTINGS = [
    "",
    "from .context import Context\nCONTEXT_CLASS = Context\n",
    "from .catalog import Catalog\nDATA_CATALOG_CLASS = Catalog\n",
]


@pytest.fixture(params=SETTINGS, ids=["plain", "context", "catalog"])
def project(make_project: MakeProject, request: pytest.FixtureRequest) -> Path:
    return make_project(
        REGISTRY,
        settings=HOOKS + request.param,
        catalog="checked:\n  type: MemoryDataset\n  validator: {package}.checks.small\n",
        parameters="options: {rate: 2}\nx: 3\n",
        files={
            "src/{package}/checks.py": CHECKS,
            "src/{package}/context.py": CONTEXT,
            "src/{package}/catalog.py": CATALOG,
        },
    )


def test_parameters_are_models_and_data_is_validated(project: Path) -> None:
    session = KedroServiceSession.create(project_path=project)
    assert session.run()["out"].load() == [2, 6]
    with pytest.raises(Exception, match="12 is too much") as caught:
        session.run(runtime_params={"x": 6})
    assert error_type(caught.value) == "DataValidationError"
    assert str(caught.value).startswith("Validation failed for dataset 'checked' on save")
    assert session.engine.planner.project.settings.hooks[0].caught == [True]
    with pytest.raises(Exception, match="Parameter 'options': .*unexpected keyword argument 'zz'") as refused:
        session.run(runtime_params={"options": {"zz": 1}})
    assert error_type(refused.value) == "ParameterValidationError"


def test_a_validation_error_is_caught_by_kedros_class(project: Path) -> None:
    from kedro.validation import DataValidationError as KedrosError

    session = KedroServiceSession.create(project_path=project)
    with pytest.raises(KedrosError) as caught:
        session.run(runtime_params={"x": 6})
    known: Any = caught.value
    assert known.dataset_name == "checked"
    assert isinstance(known, DataValidationError) or type(known) is KedrosError
