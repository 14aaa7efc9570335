"""The OpenAPI document (SRV-55)."""

import json
import re
from pathlib import Path
from typing import get_args

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.events import RunEvent
from kedro_asgi.runs import RunStatus
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = pytest.mark.anyio

SCHEMAS = {
    "DatasetSnapshot",
    "ErrorDetail",
    "HTTPValidationError",
    "HealthResponse",
    "NodeSnapshot",
    "NodeSourceSnapshot",
    "PipelineSnapshot",
    "Problem",
    "ProjectMetadataSnapshot",
    "RunPage",
    "RunRecord",
    "RunSubmission",
    "RunFailure",
    "RunRequest",
    "RunSuccess",
    "SnapshotFailure",
    "SnapshotSuccess",
    "ValidationError",
}


async def test_the_document_describes_kedros_operations_and_schemas(tiny_served: httpx.AsyncClient) -> None:
    document = (await tiny_served.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Kedro Server", "version": "1.7.0"}
    operations = {path: next(iter(verbs.values()))["operationId"] for path, verbs in document["paths"].items()}
    kedro_operations = {
        "/health": "health_health_get",
        "/snapshot": "get_snapshot_snapshot_get",
        "/run": "run_pipeline_run_post",
    }
    assert operations.items() >= kedro_operations.items()
    assert operations.keys() >= {"/ready", "/reload", "/runs", "/events", "/metrics"}
    assert set(document["components"]["schemas"]) >= SCHEMAS
    assert document["components"]["schemas"]["RunRequest"]["additionalProperties"] is False
    answer = document["paths"]["/run"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["discriminator"]["propertyName"] == "status"


async def test_every_route_is_an_operation_and_every_operation_a_route(tiny: Path) -> None:
    app = create_http_server(tiny, mcp=True)
    routes = {
        (route.path.replace(":path", ""), method)
        for route in app.routes
        for method in route.methods
        if method != "HEAD" and route.include_in_schema and route.path != "/openapi.json"
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
        # Each pipeline has an operation of its own, and all share a route.
        paths = {re.sub("^/pipelines/.+/run$", "/pipelines/{name}/run", path): found for path, found in paths.items()}
        assert {(path, method.upper()) for path, methods in paths.items() for method in methods} == routes
        for path in paths:
            allowed = (await http.request("TRACE", path)).headers["allow"].split(", ")
            assert set(allowed) - {"HEAD"} == {method.upper() for method in paths[path]}


async def test_under_a_prefix_the_document_names_its_server(tiny: Path) -> None:
    served = create_http_server(tiny)
    app = Starlette(routes=[Mount("/api/penguins", served), Mount("/my api/ü", served)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        for path in ("/api/penguins", "/my%20api/%C3%BC"):
            assert (await http.get(f"{path}/openapi.json")).json()["servers"] == [{"url": path}]


async def test_no_field_of_a_request_is_required_or_has_a_default(tiny_served: httpx.AsyncClient) -> None:
    """A generator makes a field with a default required in its types."""
    document = (await tiny_served.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert '"default"' not in json.dumps(document)
    assert schemas["RunSubmission"]["required"] == []
    assert set(schemas["RunPage"]["required"]) == {"runs", "cursor"}
    for field in ("params", "inputs"):
        assert {"type": "object", "additionalProperties": True} in schemas["RunRequest"]["properties"][field]["anyOf"]
    assert {"type": "object", "additionalProperties": True} in schemas["RunSuccess"]["properties"]["outputs"]["anyOf"]


async def test_every_event_is_described(tiny_served: httpx.AsyncClient) -> None:
    schemas = (await tiny_served.get("/openapi.json")).json()["components"]["schemas"]
    names = {kind.__name__ for kind in get_args(RunEvent)}
    assert set(schemas["RunEvent"]["discriminator"]["mapping"]) == names
    assert all(schemas[name]["properties"]["event"]["enum"] == [name] for name in names)


async def test_what_a_request_may_hold_has_its_range_in_the_document(tiny_served: httpx.AsyncClient) -> None:
    document = (await tiny_served.get("/openapi.json")).json()
    listed = {found["name"]: found["schema"] for found in document["paths"]["/runs"]["get"]["parameters"]}
    assert (listed["limit"]["minimum"], listed["limit"]["maximum"]) == (1, 1000)
    assert listed["label"]["maxItems"] == 50
    assert listed["status"]["items"]["enum"] == list(get_args(RunStatus))
    read = {found["name"]: found["schema"] for found in document["paths"]["/runs/{run_id}"]["get"]["parameters"]}
    assert (read["wait"]["minimum"], read["wait"]["maximum"]) == (0, 600)
    submission = document["components"]["schemas"]["RunSubmission"]["properties"]
    assert submission["timeout_seconds"]["anyOf"][0]["maximum"] == 31_536_000
    assert submission["labels"]["anyOf"][0]["propertyNames"]["pattern"] == "^[^=]*$"


async def test_the_document_is_compressed_for_clients_that_take_it(tiny_served: httpx.AsyncClient) -> None:
    answer = await tiny_served.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert (answer.headers["content-encoding"], answer.json()["openapi"]) == ("gzip", "3.1.0")
    known = {"accept-encoding": "gzip", "if-none-match": answer.headers["etag"]}
    assert (await tiny_served.get("/openapi.json", headers=known)).status_code == 304


async def test_the_document_names_the_scope_of_each_operation(tiny: Path, serve) -> None:
    token = make_token()
    lines = token_line("ci", token, ["read"])
    async with serve(tiny, tokens=lines, allowed_hosts=["local"], open_metrics=True) as client:
        headers = {"Authorization": f"Bearer {token}"}
        document = (await client.get("/openapi.json", headers=headers)).json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    paths = document["paths"]
    scopes = {
        (method, path): found.get("security", [{}])[0].get("token")
        for path, item in paths.items()
        for method, found in item.items()
    }
    assert scopes["post", "/pipelines/calc/run"] == ["run"]
    assert scopes["post", "/reload"] == ["admin"]
    assert {key for key, scope in scopes.items() if scope is None} == {
        ("get", "/health"),
        ("get", "/ready"),
        ("get", "/metrics"),
        ("get", "/v2"),
        ("get", "/v2/health/live"),
        ("get", "/v2/health/ready"),
    }
    assert {"400", "401", "403"} <= paths["/runs"]["post"]["responses"].keys()
    assert "401" not in paths["/health"]["get"]["responses"]
    told = {path for path, item in paths.items() if "how far the run is" in item.get("post", {}).get("description", "")}
    assert told == {"/runs/{run_id}/cancel", "/runs/{run_id}/rerun", "/schedules/{name}/run"}


async def test_without_tokens_the_document_asks_for_none(tiny_served: httpx.AsyncClient) -> None:
    document = (await tiny_served.get("/openapi.json")).json()
    assert "securitySchemes" not in document["components"]
    assert "401" not in document["paths"]["/runs"]["post"]["responses"]


async def test_the_media_types_of_tables_are_in_the_document(tiny_served: httpx.AsyncClient) -> None:
    paths = (await tiny_served.get("/openapi.json")).json()["paths"]
    kinds = {"application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"}
    for path in ("/run", "/runs", "/pipelines/calc/run"):
        operation = paths[path]["post"]
        assert {*operation["x-table-media-types"]["body"]} > {*kinds, "multipart/mixed"}
        assert all(f"`{kind}`" in operation["description"] for kind in kinds)
        assert "415" in operation["responses"]
    assert {*paths["/run"]["post"]["x-table-media-types"]["answer"]} > kinds
    assert paths["/runs/{run_id}/outputs/{name}"]["get"]["responses"]["200"]["content"].keys() > kinds
