"""The routes of kedro-viz's front end; `tests/viz` compares their answers with kedro-viz's own."""

from pathlib import Path

import httpx
import pytest

from kedro_asgi.server.configuration import ServerConfiguration

pytestmark = pytest.mark.anyio

SHOP = """
from kedro_asgi.pipeline import Pipeline, node, pipeline

def read(raw, alpha):
    return raw

def fit(table, login):
    return len(table)

def fail(model):
    raise ValueError("boom at s3://user:secret@bucket")

def register_pipelines():
    inner = pipeline(
        [
            node(read, ["raw@csv", "params:alpha"], "table", name="read", tags=["io"]),
            node(fit, ["table", "params:login"], "model", name="fit"),
        ],
        namespace="shop.eu", inputs="raw@csv", outputs="model", parameters={"params:alpha", "params:login"},
    )
    return {"__default__": inner, "odd/é": inner, "bad": Pipeline([node(fail, "model", "never", name="fail")])}
"""
CATALOG = """
raw@csv:
  type: json.JSONDataset
  filepath: https://user:secret@host/raw.json?token=secret
  metadata: {kedro-viz: {layer: raw}}
"""
PARAMETERS = "alpha: 0.5\nlogin: {user: ann, password: secret}\n"


@pytest.fixture
def shop(make_project) -> Path:
    return make_project(SHOP, catalog=CATALOG, parameters=PARAMETERS)


@pytest.fixture
def viz(shop: Path, serve) -> httpx.AsyncClient:
    return serve(shop, viz=True)


async def test_the_routes_are_off_unless_asked_for(shop: Path, serve) -> None:
    """They show code and the values of parameters."""
    async with serve(shop) as http:
        assert (await http.get("/api/main")).status_code == 404


def test_a_variable_turns_the_routes_on(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDRO_SERVER_VIZ", "true")
    assert ServerConfiguration.read(project_path=shop).viz


async def test_the_flowchart_has_the_ids_and_namespaces_of_kedro_viz(viz: httpx.AsyncClient) -> None:
    answer = await viz.get("/api/main")
    flowchart = answer.json()
    raw = next(found for found in flowchart["nodes"] if found["name"] == "raw")
    assert (raw["id"], raw["layer"], raw["modular_pipelines"]) == ("ce15802a", "raw", ["shop", "shop.eu"])
    assert raw["pipelines"] == ["__default__", "odd/é"]
    assert {"source": "ce15802a", "target": "shop.eu"} in flowchart["edges"]
    assert flowchart["modular_pipelines"]["shop"]["children"] == [{"id": "shop.eu", "type": "modularPipeline"}]
    assert (flowchart["selected_pipeline"], flowchart["layers"]) == ("__default__", ["raw"])
    again = await viz.get("/api/main", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert (await viz.get("/api/pipelines/odd%2F%C3%A9")).json()["selected_pipeline"] == "odd/é"


async def test_details_show_code_and_parameters_but_no_secrets(viz: httpx.AsyncClient) -> None:
    nodes = (await viz.get("/api/main")).json()["nodes"]
    details = {found["name"]: (await viz.get(f"/api/nodes/{found['id']}")).json() for found in nodes}
    assert details["read"]["code"] == "def read(raw, alpha):\n    return raw\n"
    assert details["read"]["filepath"].startswith("project/src/")
    assert details["fit"]["parameters"] == {"login": {"user": "ann"}}
    assert details["params:login"] == {"parameters": {"login": {"user": "ann"}}}
    assert details["raw"]["filepath"] == "https://<redacted>@host/raw.json?<redacted>"
    assert details["shop"] == {}
    assert "secret" not in str([nodes, details])


async def test_unknown_ids_are_answered_as_kedro_viz_does(viz: httpx.AsyncClient) -> None:
    for path, message in (("nodes/nope", "Invalid node ID"), ("pipelines/nope", "Invalid pipeline ID")):
        answer = await viz.get(f"/api/{path}")
        assert (answer.status_code, answer.json()) == (404, {"message": message})


async def test_the_status_is_that_of_the_last_run_that_has_ended(viz: httpx.AsyncClient) -> None:
    assert (await viz.get("/api/run-status")).json()["pipeline"]["run_id"] == "default-run-id"
    run = (await viz.post("/run", json={"inputs": {"raw@csv": [1]}})).json()
    status = (await viz.get("/api/run-status")).json()
    assert (status["pipeline"]["run_id"], status["pipeline"]["status"]) == (run["run_id"], "success")
    assert {found["status"] for found in status["nodes"].values()} == {"success"}
    assert status["datasets"]["ce15802a"]["name"] == "raw"
    await viz.post("/run", json={"pipeline_names": ["bad"], "inputs": {"model": 1}})
    status = (await viz.get("/api/run-status")).json()
    assert status["pipeline"]["status"] == "failed"
    (failed,) = status["nodes"].values()
    assert (failed["status"], failed["error"]["traceback"]) == ("failed", "")
    assert failed["error"]["message"].startswith("boom at s3://<redacted>")


@pytest.mark.parametrize("registry", ["1/0", "def register_pipelines(): return {}['gone']"])
async def test_a_project_that_cannot_be_read_is_a_problem(make_project, serve, registry: str) -> None:
    http = serve(make_project(registry), viz=True)
    assert (await http.get("/api/main")).status_code == 503
    assert (await http.get("/api/version")).json()["is_outdated"] is False
    assert (await http.get("/api/metadata")).json()["has_missing_dependencies"] is False
