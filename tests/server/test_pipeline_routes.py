"""``GET /pipelines`` and the routes below it."""

from pathlib import Path
from xml.etree import ElementTree

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.server import create_http_server

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


SVG = "{http://www.w3.org/2000/svg}"


def classes(picture: str) -> dict[str, str]:
    """The classes of each element of a graph, by its id."""
    groups = ElementTree.fromstring(picture).iter(f"{SVG}g")
    return {found.get("data-id", ""): found.get("class", "") for found in groups if found.get("data-id")}


async def test_the_layout_is_that_of_the_picture(tiny_served: httpx.AsyncClient) -> None:
    layout = (await tiny_served.get("/pipelines/calc")).json()["layout"]
    picture = (await tiny_served.get("/pipelines/calc/graph.svg")).text
    assert [box["id"] for box in layout["boxes"]] == list(classes(picture))
    assert ElementTree.fromstring(picture).get("viewBox") == f"0 0 {layout['width']:g} {layout['height']:g}"


async def test_namespaces_collapse_and_parameters_can_be_left_out(make_project, serve) -> None:
    http = serve(make_project(NAMED, catalog=CATALOG))
    path = "/pipelines/odd%2Fname%20%3C%C3%A9%3E"
    boxes = (await http.get(path, params={"collapse": ["a.b", "a"]})).json()["layout"]["boxes"]
    assert {box["id"] for box in boxes} == {"dataset:x", "node:write", "dataset:raw", "namespace:a"}
    picture = await http.get(f"{path}/graph.svg", params={"collapse": "a"})
    assert set(classes(picture.text)) == {box["id"] for box in boxes}


async def test_parameters_can_be_left_out(tiny_served: httpx.AsyncClient) -> None:
    picture = (await tiny_served.get("/pipelines/calc/graph.svg?parameters=false")).text
    assert set(classes(picture)) == {"node:add", "dataset:s", "node:double", "dataset:d"}


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("collapse=aa", "Pipeline does not contain nodes with the following namespaces: ['aa']"),
        ("parameters=no", "'parameters' must be true or false, not 'no'."),
        ("parameters=true&parameters=true", "'parameters' may be given only once."),
        ("colapse=a", "'colapse' is unknown; the parameters here are collapse, parameters."),
        ("run=1", "'run' is unknown; the parameters here are collapse, parameters."),
    ],
)
async def test_a_wrong_parameter_is_a_problem(tiny_served: httpx.AsyncClient, query: str, detail: str) -> None:
    answer = await tiny_served.get(f"/pipelines/calc?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert detail in answer.json()["detail"]


async def test_a_run_colours_the_picture(work: Path, serve) -> None:
    http = serve(work)
    run_id = (await http.post("/run", json={"pipeline_names": ["boom"]})).json()["run_id"]
    found = classes((await http.get(f"/pipelines/boom/graph.svg?run={run_id}")).text)
    assert found == {"parameter:params:a": "parameter", "node:boom": "node failure", "dataset:never": "dataset"}
    plain = classes((await http.get("/pipelines/boom/graph.svg")).text)
    assert plain["node:boom"] == "node"
    missing = await http.get("/pipelines/boom/graph.svg?run=nothing")
    assert (missing.status_code, missing.json()["title"]) == (404, "No such run")


async def test_a_picture_links_to_the_dashboard_if_there_is_one(tiny: Path, serve) -> None:
    links = ElementTree.fromstring((await serve(tiny).get("/pipelines/calc/graph.svg")).text).iter(f"{SVG}a")
    assert "../../dashboard/#/project/calc?element=node%3Aadd" in [found.get("href") for found in links]
    assert "<a " not in (await serve(tiny, dashboard=False).get("/pipelines/calc/graph.svg")).text


async def test_a_picture_is_served_as_one_that_loads_nothing(tiny_served: httpx.AsyncClient) -> None:
    answer = await tiny_served.get("/pipelines/calc/graph.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    again = await tiny_served.get("/pipelines/calc/graph.svg", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_links_hold_under_a_prefix(tiny: Path) -> None:
    app = Starlette(routes=[Mount("/api/penguins", create_http_server(tiny))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        listed = await http.get("/api/penguins/pipelines")
        graph = listed.url.join(listed.json()["pipelines"][1]["links"]["graph"])
        found = await http.get(listed.url.join(listed.json()["pipelines"][1]["links"]["self"]))
        assert graph == found.url.join(found.json()["links"]["graph"])
        assert (await http.get(graph)).status_code == 200


async def test_the_nodes_of_a_run_and_its_time_line(work: Path, serve) -> None:
    http = serve(work)
    run_id = (await http.post("/run", json={"pipeline_names": ["calc"]})).json()["run_id"]
    answer = (await http.get(f"/runs/{run_id}/nodes")).json()
    assert (answer["run_id"], answer["status"]) == (run_id, "success")
    assert [(node["node"], node["state"]) for node in answer["nodes"]] == [("add", "success"), ("double", "success")]
    assert all(node["duration_ms"] >= 0 and node["started_at"] <= node["ended_at"] for node in answer["nodes"])
    picture = await http.get(f"/runs/{run_id}/timeline.svg")
    titles = [title.text for title in ElementTree.fromstring(picture.text).iter(f"{SVG}title")]
    assert titles[0] == f"Run {run_id} of calc: success"
    assert len(titles) == 3
    for path in ("nodes", "timeline.svg"):
        assert (await http.get(f"/runs/nothing/{path}")).json()["title"] == "No such run"


async def test_a_run_that_goes_on_is_shown_as_it_is_now(work: Path, serve, tmp_path: Path) -> None:
    http = serve(work)
    run_id = (await http.post("/runs", json={"pipeline_names": ["held"]})).json()["run_id"]
    while not (nodes := (await http.get(f"/runs/{run_id}/nodes")).json()["nodes"]):
        await anyio.sleep(0.01)
    assert [(node["node"], node["state"], node["ended_at"]) for node in nodes] == [("one", "running", None)]
    found = classes((await http.get(f"/pipelines/held/graph.svg?run={run_id}")).text)
    assert (found["node:one"], found["node:two"]) == ("node running", "node waiting")
    (tmp_path / "opened").touch()
    await http.get(f"/runs/{run_id}?wait=30")
    assert classes((await http.get(f"/pipelines/held/graph.svg?run={run_id}")).text)["node:two"] == "node success"


async def test_a_pipeline_is_compressed_for_clients_that_ask(tiny_served: httpx.AsyncClient) -> None:
    packed, plain = [
        await tiny_served.get("/pipelines/calc", headers={"accept-encoding": encoding}) for encoding in ("gzip", "")
    ]
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    for answer, encoding in ((packed, "gzip"), (plain, "")):
        headers = {"accept-encoding": encoding, "if-none-match": answer.headers["etag"]}
        assert (await tiny_served.get("/pipelines/calc", headers=headers)).status_code == 304
