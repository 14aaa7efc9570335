"""Batched pipelines over HTTP: options, answers, metrics, and what explains them."""

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.errors import ProjectError, ServerSettingsError
from kedro_asgi.project.options import read_options
from kedro_asgi.server import create_http_server
from project_files import write_project

pytestmark = pytest.mark.anyio

_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def score(rows):
    return [{"key": row["key"], "score": row["x"] * 2} for row in rows]

def register_pipelines():
    return {
        "__default__": Pipeline([node(score, "rows", "scores", name="score")]),
        "predict": Pipeline([node(score, "rows", "scores", name="score")]),
        "other": Pipeline([node(score, "rows", "scores", name="score")]),
    }
"""
_SECTION = """
[tool.kedro-asgi.batching.predict]
inputs = ["rows"]
outputs = ["scores"]
"""


def write(folder: Path, section: str = _SECTION) -> Path:
    project = write_project(
        folder, {"src/{package}/pipeline_registry.py": _REGISTRY, "conf/base/parameters.yml": "a: 1\n"}
    )
    with (project / "pyproject.toml").open("a") as file:
        file.write(section)
    return project


def client(project: Path, **options: Any) -> httpx.AsyncClient:
    app = create_http_server(project, store="memory:", **options)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test", timeout=60)


async def send(client: httpx.AsyncClient, path: str, count: int, **more: Any) -> list[list[dict[str, Any]]]:
    """Send requests with rows of their own together; return their outputs."""
    found: dict[int, Any] = {}

    async def one(number: int) -> None:
        body = {**more, "inputs": {"rows": [{"key": number, "x": number}]}, "outputs": ["scores"]}
        answer = await client.post(path, json=body)
        assert answer.json()["status"] == "success", answer.text
        found[number] = answer.json()["outputs"]["scores"]

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number)
    return [found[number] for number in range(count)]


@pytest.mark.parametrize("path", ["/run", "/pipelines/predict/run"])
async def test_requests_that_come_together_get_their_own_rows(tmp_path: Path, path: str) -> None:
    more = {"pipeline_names": ["predict"]} if path == "/run" else {}
    async with client(write(tmp_path)) as http:
        await send(http, path, 1, **more)
        for _ in range(3):
            await http.get("/batching")
            assert await send(http, path, 20, **more) == [[{"key": n, "score": 2 * n}] for n in range(20)]
        (state,) = (await http.get("/batching")).json()["pipelines"]
        assert (state["pipeline"], state["state"], state["problem"]) == ("predict", "batched", None)
        assert state["runs"] == 60
        assert state["batches"] < 60
        assert state["unbatched"] == {"unchecked": 1}
        counted = (await http.get("/metrics")).text
        assert 'kedro_asgi_batch_runs_sum{pipeline="predict"} 60.0' in counted
        assert 'kedro_asgi_batch_wait_seconds_count{pipeline="predict"} 60.0' in counted
        assert 'kedro_asgi_unbatched_runs_total{pipeline="predict",reason="unchecked"} 1.0' in counted


async def test_a_server_without_batching_says_so(tmp_path: Path) -> None:
    async with client(write(tmp_path, "")) as http:
        assert (await http.get("/batching")).json() == {"pipelines": []}
        assert "kedro_asgi_batch" not in (await http.get("/metrics")).text


async def test_a_pipeline_is_unchecked_until_the_project_is_open(tmp_path: Path) -> None:
    async with client(write(tmp_path)) as http:
        (state,) = (await http.get("/batching")).json()["pipelines"]
        assert (state["state"], state["runs_per_batch"], state["mean_wait_ms"]) == ("unchecked", None, None)


async def test_an_argument_comes_before_the_options_of_the_project(tmp_path: Path) -> None:
    given = {"other": {"inputs": ["rows"], "outputs": ["scores"], "max_rows": 16, "target_latency_ms": 50}}
    async with client(write(tmp_path), batching=given) as http:
        (state,) = (await http.get("/batching")).json()["pipelines"]
    assert state["options"] == {
        "inputs": ["rows"],
        "outputs": ["scores"],
        "max_rows": 16,
        "max_wait_ms": 5.0,
        "target_latency_ms": 50.0,
        "compare": True,
    }
    async with client(
        tmp_path, batching={"__default__": BatchingOptions(inputs=("rows",), outputs=("scores",))}
    ) as http:
        await send(http, "/run", 1)
        await http.get("/batching")
        assert await send(http, "/run", 5) == [[{"key": n, "score": 2 * n}] for n in range(5)]
        assert (await http.get("/batching")).json()["pipelines"][0]["runs"] == 5


async def test_pipelines_that_the_project_does_not_have_are_refused_with_a_hint(tmp_path: Path, caplog) -> None:
    async with client(write(tmp_path, _SECTION.replace("predict", "predikt"))) as http:
        await send(http, "/run", 1)
        (state,) = (await http.get("/batching")).json()["pipelines"]
        assert state["state"] == "refused"
        assert "predikt" in state["problem"]
    assert "Runs of pipeline 'predikt' are not batched" in caplog.text


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ('inputs = ["rows"]', "missing required field `outputs`"),
        ('inputs = []\noutputs = ["scores"]', "length >= 1 - at `$.inputs`"),
        ('inputs = "rows"\noutputs = ["scores"]', "Expected `array`, got `str` - at `$.inputs`"),
        ('inputs = ["rows"]\noutputs = ["scores"]\nmax_rows = 1', ">= 2 - at `$.max_rows`"),
        ('inputs = ["rows"]\noutputs = ["scores"]\nmax_wait_ms = -1', ">= 0.0 - at `$.max_wait_ms`"),
        ('inputs = ["rows"]\noutputs = ["scores"]\ntarget_latency_ms = 0', "> 0.0 - at `$.target_latency_ms`"),
        ('inputs = ["rows"]\noutputs = ["scores"]\nrows = 5', "unknown field `rows`"),
    ],
)
def test_wrong_options_are_told_with_their_place(tmp_path: Path, section: str, problem: str) -> None:
    project = write(tmp_path, f"[tool.kedro-asgi.batching.predict]\n{section}\n")
    with pytest.raises(ProjectError) as raised:
        read_options(project / "pyproject.toml")
    assert "batching.predict: " in str(raised.value)
    assert problem in str(raised.value)


@pytest.mark.parametrize("given", [{"predict": {"inputs": ["rows"]}}, {"predict": 3}, {"predict": object()}])
def test_a_wrong_argument_is_told(tmp_path: Path, given: Any) -> None:
    with pytest.raises(ServerSettingsError, match="batching.predict: "):
        create_http_server(write(tmp_path), batching=given)


def test_the_options_of_batching_are_json(tmp_path: Path) -> None:
    options = read_options(write(tmp_path) / "pyproject.toml").batching
    assert json.dumps(list(options)) == '["predict"]'
