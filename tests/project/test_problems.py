"""A check tells of the problems of a project before any run: broken modules of pipelines, errors in the catalog."""

import logging
import re
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from kedro_asgi.errors import PipelineNotFoundError
from kedro_asgi.project_check import find_problems
from kedro_asgi.server import create_http_server
from kedro_asgi.session import KedroServiceSession

REGISTRY = """
from kedro_asgi.project import find_pipelines
def register_pipelines():
    return find_pipelines()
"""
GOOD = """
from kedro_asgi.pipeline import Pipeline, node
def create_pipeline():
    return Pipeline([node(lambda cars: cars, "cars", "shown", name="show")])
"""
PIPELINES = {
    "src/{package}/pipelines/__init__.py": "",
    "src/{package}/pipelines/good/__init__.py": GOOD,
    "src/{package}/pipelines/bad/__init__.py": "from .nodes import f\n",
    "src/{package}/pipelines/bad/nodes.py": "\n\nimport nothing_at_all\n",
}
pytestmark = pytest.mark.filterwarnings("ignore:An error occurred while importing")


@pytest.fixture
def broken(make_project) -> Path:
    return make_project(REGISTRY, files=PIPELINES)


def problems_of(project: Path) -> Any:
    return find_problems(KedroServiceSession.create(project_path=project, serving_mode=True).engine.planner)


def test_a_broken_module_of_a_pipeline_is_found_with_file_and_line(broken: Path) -> None:
    found = problems_of(broken)
    assert found.pipelines.keys() == {"bad"}
    assert "ModuleNotFoundError: No module named 'nothing_at_all'" in found.pipelines["bad"]
    assert "pipelines/bad/nodes.py, line 3" in found.pipelines["bad"]
    assert found.is_any_runnable


@pytest.mark.parametrize("serving", [False, True])
def test_a_run_of_a_broken_pipeline_says_why(broken: Path, serving: bool) -> None:
    session = KedroServiceSession.create(project_path=broken, serving_mode=serving)
    with pytest.raises(PipelineNotFoundError, match="named 'bad'.*nothing_at_all.*nodes.py, line 3") as caught:
        session.run(pipeline_names=["bad"])
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    with pytest.raises(PipelineNotFoundError, match="named 'god'.*\n    good"):
        session.run(pipeline_names=["god"])


@pytest.mark.parametrize(
    ("catalog", "problem"),
    [
        ("cars: {type: json.JSONDatset, filepath: a.json}", "'JSONDatset' not found in 'json'"),
        ("cars: {type: jsn.JSONDataset, filepath: a.json}", "No module named 'jsn'|'jsn.JSONDataset'"),
        ("cars: {type: json.JSONDataset, filpath: a.json}", "unexpected keyword argument 'filpath'"),
        ("cars: {type: json.JSONDataset}", "missing a required argument: 'filepath'"),
        ("carss: {type: json.JSONDataset, filepath: a.json}", "no entry of this name.* Did you mean 'carss'"),
        ('"ca{x}": {type: json.JSONDatset, filepath: a.json}', "'JSONDatset' not found in 'json'"),
    ],
)
def test_a_typing_error_in_the_catalog_is_found(make_project, catalog: str, problem: str) -> None:
    project = make_project(REGISTRY, files=PIPELINES, catalog=catalog)
    found = problems_of(project).datasets
    assert found.keys() == {"cars"}
    assert re.search(problem, found["cars"])
    assert "\n" not in found["cars"]


@pytest.mark.parametrize(
    "catalog",
    [
        "cars: {type: json.JSONDataset, filepath: a.json, versioned: true}",
        "cars: {type: '${runtime_params:kind}', filepath: a.json}",
        "unused: {type: nowhere.Dataset}",
        "",
    ],
)
def test_what_a_run_may_bring_or_does_not_use_is_no_problem(make_project, catalog: str) -> None:
    assert problems_of(make_project(REGISTRY, files=PIPELINES, catalog=catalog)).datasets == {}


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_ready_the_log_and_answers_name_what_is_broken(make_project, caplog) -> None:
    project = make_project(REGISTRY, files=PIPELINES, catalog="cars: {type: json.JSONDatset, filepath: a.json}")
    app = create_http_server(project, store="memory:")
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
    async with app.router.lifespan_context(app), client as http:
        while (ready := await http.get("/ready")).json()["status"] == "starting":
            await anyio.sleep(0.01)
        assert ready.status_code == 200
        assert "nodes.py, line 3" in ready.json()["broken_pipelines"]["bad"]
        assert "JSONDatset" in ready.json()["broken_datasets"]["cars"]
        lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert [line.partition(": ")[2][:16] for line in lines] == ["pipeline 'bad': ", "dataset 'cars': "]
        error = (await http.post("/run", json={"pipeline_names": ["bad"]})).json()["error"]
        assert (error["type"], error["line"]) == ("ValueError", 3)
        assert error["file"].endswith("pipelines/bad/nodes.py")
        (project / "conf/base/catalog.yml").write_text("cars: [")
        assert (await http.post("/reload")).status_code == 500
        assert "The reload failed, and nothing has changed: ParserError" in caplog.text
        (project / "conf/base/catalog.yml").write_text("cars: {type: MemoryDataset}")
        assert (await http.post("/reload")).status_code == 200
        assert "broken_datasets" not in (await http.get("/ready")).json()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_server_without_any_pipeline_that_can_run_is_not_ready(make_project) -> None:
    project = make_project(REGISTRY, files={path: text for path, text in PIPELINES.items() if "/good/" not in path})
    app = create_http_server(project, store="memory:")
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
    async with app.router.lifespan_context(app), client as http:
        while "broken_pipelines" not in (ready := await http.get("/ready")).json():
            await anyio.sleep(0.01)
        assert (ready.status_code, ready.json()["problem"]) == (503, "No pipeline is left that can run.")


def test_inspect_ends_with_an_error_that_names_what_is_broken(make_project, command) -> None:
    project = make_project(REGISTRY, files=PIPELINES, catalog="cars: {type: json.JSONDatset, filepath: a.json}")
    done = command("inspect", project)
    assert done.returncode == 1
    assert "PIPELINE" in done.stdout
    assert "pipeline 'bad': ModuleNotFoundError: No module named 'nothing_at_all'" in done.stderr
    assert "dataset 'cars': DatasetError" in done.stderr
    assert "JSONDatset" in done.stderr
