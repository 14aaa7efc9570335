"""``GET /pipelines`` and the routes below it."""

from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.anyio

NAMED = """
from kedro_asgi.pipeline import Pipeline, node, pipeline

def double(x):
    return x

def register_pipelines():
    inner = pipeline([node(double, "raw@csv", "model", name="fit", tags="slow")], namespace="a.b", inputs="raw@csv")
    return {
        "odd/name <é>": pipeline([node(double, "x@json", "raw@text", name="write"), inner]),
        "empty": Pipeline([]),
    }
"""

CATALOG = """
raw@csv:
  type: csv.CSVDataset
  filepath: https://user:secret@host/raw.csv?token=secret
  metadata:
    kedro-viz:
      layer: raw
"""


async def test_the_list_names_each_pipeline_with_its_inputs_and_outputs(tiny_served: httpx.AsyncClient) -> None:
    answer = (await tiny_served.get("/pipelines")).json()
    assert [found["name"] for found in answer["pipelines"]] == ["__default__", "calc"]
    assert answer["pipelines"][1] == {
        "name": "calc",
        "nodes": 2,
        "inputs": [],
        "outputs": ["d"],
        "parameters": ["params:a", "params:b"],
        "tags": [],
        "namespaces": [],
        "links": answer["pipelines"][1]["links"],
    }


async def test_a_link_leads_to_the_graph_of_a_pipeline_whatever_its_name(make_project, serve) -> None:
    http = serve(make_project(NAMED, catalog=CATALOG))
    listed = (await http.get("/pipelines")).json()["pipelines"][0]
    found = (await http.get(f"/{listed['links']['self']}")).json()
    assert found["name"] == "odd/name <é>"
    assert [node["id"] for node in found["nodes"]] == ["node:write", "node:a.b.fit"]
    assert found["namespaces"] == ["a", "a.b"]
    assert {"source": "dataset:raw", "target": "node:a.b.fit"} in found["edges"]


async def test_a_dataset_in_several_formats_is_one_without_credentials(make_project, serve) -> None:
    http = serve(make_project(NAMED, catalog=CATALOG))
    answer = await http.get("/pipelines/odd%2Fname%20%3C%C3%A9%3E")
    raw = next(found for found in answer.json()["datasets"] if found["name"] == "raw")
    assert raw["formats"] == {"raw@csv": "csv.CSVDataset", "raw@text": None}
    assert (raw["layer"], raw["is_persistent"]) == ("raw", True)
    assert raw["filepath"] == "https://<redacted>@host/raw.csv?<redacted>"
    assert "secret" not in answer.text


async def test_an_unknown_pipeline_is_a_problem_that_suggests_another(tiny_served: httpx.AsyncClient) -> None:
    answer = await tiny_served.get("/pipelines/calk")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "There is no pipeline 'calk'. Did you mean 'calc'?"


async def test_a_pipeline_that_cannot_be_imported_is_listed_with_the_reason(make_project, serve) -> None:
    registry = "from kedro_asgi.project import find_pipelines as register_pipelines\n"
    files = {"src/{package}/pipelines/__init__.py": "", "src/{package}/pipelines/bad/__init__.py": "import nowhere\n"}
    http = serve(make_project(registry, files=files))
    with pytest.warns(UserWarning, match="bad"):
        answer = await http.get("/pipelines")
    assert "nowhere" in answer.json()["broken"]["bad"]
    assert "nowhere" in (await http.get("/pipelines/bad")).json()["detail"]


async def test_a_project_that_cannot_be_read_is_a_problem(make_project, serve) -> None:
    answer = await serve(make_project("1/0")).get("/pipelines")
    assert (answer.status_code, answer.json()["title"]) == (503, "The project cannot be read")


async def test_an_answer_that_the_client_has_is_not_sent_again(tiny_served: httpx.AsyncClient) -> None:
    for path in ("/pipelines", "/pipelines/calc"):
        first = await tiny_served.get(path)
        again = await tiny_served.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_a_reload_shows_the_new_catalog(tiny: Path, serve) -> None:
    http = serve(tiny)

    async def type_of_d() -> str | None:
        datasets = (await http.get("/pipelines/calc")).json()["datasets"]
        return next(found["type"] for found in datasets if found["name"] == "d")

    assert await type_of_d() is None
    (tiny / "conf/base/catalog.yml").write_text("d:\n  type: json.JSONDataset\n  filepath: data/d.json\n")
    assert await type_of_d() is None
    await http.post("/reload")
    assert await type_of_d() == "json.JSONDataset"
