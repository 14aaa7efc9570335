"""Typed parameters in real projects: sessions, contexts, hooks, runners and HTTP."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from kedro_asgi.errors import ParameterValidationError
from kedro_asgi.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.server import create_http_server
from kedro_asgi.session import AsyncSession, KedroServiceSession, KedroSession

MODELS = """
from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from pydantic import BaseModel


@dataclass
class Data:
    rate: float
    steps: list = field(default_factory=list)


class Inner(BaseModel):
    q: int = 7
    extra: dict = {"z": {"y": 1}}


class Model(BaseModel):
    rate: float
    inner: Inner = Inner()


class Record(msgspec.Struct):
    rate: float
"""

REGISTRY = """
from __future__ import annotations

from kedro_asgi.pipeline import Pipeline, node
from {package}.models import Data, Model, Record

def data(options: Data):
    options.steps.append("changed")
    return [type(options).__name__, options.rate, options.steps]

def model(options: Model):
    return [type(options).__name__, options.rate, options.inner.q]

async def record(options: Record | None):
    return "nothing" if options is None else [type(options).__name__, options.rate]

def bad(options: Data):
    return 1

def same(x):
    return x

def kinds(parameters):
    return {key: type(value).__name__ for key, value in parameters.items()}

def register_pipelines():
    typed = Pipeline([
        node(data, "params:data", "data_out", name="data"),
        node(data, "params:data", "data_again", name="again"),
        node(model, "params:model", "model_out", name="model"),
        node(record, "params:deep.record", "record_out", name="record"),
        node(same, "params:model.rate", "rate", name="rate"),
        node(same, "params:model.inner.extra.z.y", "y", name="y"),
        node(kinds, "parameters", "kinds", name="kinds"),
    ])
    return {
        "__default__": typed,
        "bad": Pipeline([node(bad, "params:bad", "bad_out", name="bad")]),
        "untyped": Pipeline([node(same, "params:bad", "raw", name="raw")]),
    }
"""

PARAMETERS = """
data: {rate: 1}
model: {rate: 0.5}
deep: {record: {rate: 2.5}}
bad: {nope: 1}
"""

EXPECTED = {
    "data_out": ["Data", 1, ["changed"]],
    "data_again": ["Data", 1, ["changed"]],
    "model_out": ["Model", 0.5, 7],
    "record_out": ["Record", 2.5],
    "rate": 0.5,
    "y": 1,
    "kinds": {"data": "Data", "model": "Model", "deep": "dict", "bad": "dict"},
}


@pytest.fixture
def project(make_project) -> Path:
    return make_project(REGISTRY, parameters=PARAMETERS, files={"src/{package}/models.py": MODELS})


def loaded(result: dict[str, Any]) -> dict[str, Any]:
    return {name: dataset.load() for name, dataset in result.items()}


@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner, lambda: SequentialRunner(is_async=True)])
def test_nodes_get_models_and_each_its_own(project: Path, runner: Any) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        for _ in range(2):
            assert loaded(session.run(runner=runner())) == EXPECTED


def test_models_cross_into_other_processes(project: Path) -> None:
    with KedroSession.create(project_path=project) as session:
        assert loaded(session.run(node_names=["data", "model"], runner=ParallelRunner(max_workers=1))) == {
            "data_out": EXPECTED["data_out"],
            "model_out": EXPECTED["model_out"],
        }


def test_only_nodes_that_run_are_asked(project: Path) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        session.run()
        assert loaded(session.run(pipeline_names=["untyped"])) == {"raw": {"nope": 1}}
        with pytest.raises(ParameterValidationError, match="Parameter 'bad': Failed to instantiate Data"):
            session.run(pipeline_names=["bad"])


def test_runtime_parameters_are_validated_for_each_run(project: Path) -> None:
    with KedroServiceSession.create(project_path=project) as session, ThreadPoolExecutor(8) as pool:

        def run(rate: int) -> Any:
            params = {"data": {"rate": rate}, "deep": {"record": {"rate": rate} if rate % 2 else None}}
            return loaded(session.run(node_names=["data", "record"], runtime_params=params))

        for rate, found in zip(range(64), pool.map(run, range(64)), strict=True):
            record = ["Record", rate] if rate % 2 else "nothing"
            assert found == {"data_out": ["Data", rate, ["changed"]], "record_out": record}


def test_everything_that_is_wrong_is_in_one_error(project: Path) -> None:
    params = {"data": {"zz": 1}, "model": {"rate": "abc"}, "deep": {"record": {"rate": "1"}}}
    with KedroServiceSession.create(project_path=project) as session, pytest.raises(ParameterValidationError) as caught:
        session.run(runtime_params=params)
    assert set(caught.value.failures) == {"data", "model", "deep.record"}


def test_a_context_outside_of_a_run_validates_all_pipelines(project: Path, make_project) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        with pytest.raises(ParameterValidationError, match="'bad'"):
            _ = session.load_context().params
        context = session.load_context({"bad": {"rate": 1, "nope": None}})
        with pytest.raises(ParameterValidationError, match="'bad'"):
            _ = context.catalog
    good = make_project(
        REGISTRY,
        name="good",
        parameters=PARAMETERS.replace("nope", "rate"),
        files={"src/{package}/models.py": MODELS},
    )
    with KedroSession.create(project_path=good) as session:
        context = session.load_context()
        params = context.params
        assert type(params["data"]).__name__ == type(params["bad"]).__name__ == "Data"
        assert context.catalog.load("params:data") == params["data"]
        assert context.catalog.load("parameters") == params
        params["data"].rate = 99
        assert context.catalog.load("params:data").rate == 99
        assert session.load_context().params["data"].rate == 1


def test_hooks_see_models(make_project) -> None:
    settings = """
    from kedro_asgi.hooks import hook_impl

    class Hooks:
        def __init__(self):
            self.seen = {}

        @hook_impl
        def after_context_created(self, context):
            self.seen["context"] = context.params["data"]

        @hook_impl
        def after_catalog_created(self, parameters):
            self.seen.update(parameters)

    HOOKS = (Hooks(),)
    """
    project = make_project(
        REGISTRY, parameters=PARAMETERS, settings=settings, files={"src/{package}/models.py": MODELS}
    )
    with KedroServiceSession.create(project_path=project) as session:
        session.run()
        seen = session.engine.planner.project.settings.hooks[0].seen
    assert type(seen["context"]).__name__ == type(seen["params:data"]).__name__ == "Data"
    assert seen["params:model.inner.q"] == 7
    assert type(seen["params:deep.record"]).__name__ == "Record"
    assert type(seen["parameters"]["model"]).__name__ == "Model"


def test_inputs_in_place_of_parameters_become_models(project: Path) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        given = {"params:bad": {"rate": 5}}
        assert loaded(session.run(pipeline_names=["bad"], inputs=given)) == {"bad_out": 1}
        with pytest.raises(ParameterValidationError, match="Parameter 'bad': value is None"):
            session.run(pipeline_names=["bad"], inputs={"params:bad": None})


def test_a_name_that_is_written_twice_is_logged_where_it_is_used(
    make_project, caplog: pytest.LogCaptureFixture
) -> None:
    registry = REGISTRY.replace('"params:bad", "raw"', '"params:x.y", "raw"')
    project = make_project(registry, parameters="x.y: 7\nx: {y: 8}\n", files={"src/{package}/models.py": MODELS})
    with KedroServiceSession.create(project_path=project) as session, caplog.at_level(logging.WARNING):
        assert loaded(session.run(pipeline_names=["untyped"])) == {"raw": 8}
    assert caplog.text.count("Replacing dataset 'params:x.y'") == 1


@pytest.mark.anyio
async def test_from_async_code(project: Path) -> None:
    async with AsyncSession.create(project_path=project) as session:
        assert (await session.run()).outputs == EXPECTED
        with pytest.raises(ParameterValidationError):
            await session.run(runtime_params={"data": 5})


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_over_http(project: Path) -> None:
    transport = httpx.ASGITransport(app=create_http_server(project), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        fine = await client.post("/run", json={"params": {"model": {"rate": 3}}, "outputs": ["model_out"]})
        given = await client.post("/run", json={"inputs": {"params:model": {"rate": 4}}, "outputs": ["model_out"]})
        wrong = await client.post("/run", json={"params": {"model": {"rate": "abc"}, "data": []}})
    assert fine.json()["outputs"] == {"model_out": ["Model", 3.0, 7]}
    assert given.json()["outputs"] == {"model_out": ["Model", 4.0, 7]}
    error = wrong.json()["error"]
    assert wrong.json()["status"] == "failure"
    assert error["type"] == "ParameterValidationError"
    assert error["message"].startswith("Parameter validation failed:\n- Parameter 'data': Expected dict for dataclass")
    assert "Parameter 'model': Failed to instantiate Model" in error["message"]
