"""``GET /pipelines/{name}/schema`` and ``POST /pipelines/{name}/run``."""

from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio

TYPED = """
import enum
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict
import msgspec, pydantic
from kedro_asgi.pipeline import Pipeline, node

@dataclass
class Model:
    depth: int
    rate: float
    password: str = "secret"

class Login(pydantic.BaseModel):
    url: str = "https://user:secret@host/path?key=secret"
    token: str | None = pydantic.Field("secret", examples=["secret"])
    tries: int = 3

class Access(msgspec.Struct):
    api_key: str = "secret"
    name: str = "nobody"

class Order(pydantic.BaseModel):
    id: int = pydantic.Field(ge=1)

class Offer(msgspec.Struct):
    price: Annotated[float, msgspec.Meta(gt=0)]
    note: str | None = None

class Limits(pydantic.BaseModel):
    low: int
    high: int

    @pydantic.model_validator(mode="after")
    def is_range(self):
        assert self.low <= self.high, "low is above high"
        return self

class Row(TypedDict):
    n: int

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

def train(
    rows: list[Row], offer: Offer, model: Model, alpha: Share, kind: Literal["fast", "slow"]
) -> dict[str, float]:
    return {"alpha": alpha, "rows": float(len(rows)), "depth": float(model.depth), "price": offer.price}

def enter(login: Login, access: Access, logins: list[Login]) -> int:
    return 1

def check(limits: Limits, url, needed: int) -> int:
    return needed

def double(x: int) -> int:
    return 2 * x

def everything(parameters):
    return parameters

def register_pipelines():
    inputs = ["rows", "my offer", "params:model", "params:alpha", "params:options.kind"]
    return {
        "__default__": Pipeline([node(double, "x", "y", name="double")]),
        "train it!": Pipeline(
            [node(train, inputs, "metrics", name="train"), node(len, "metrics", "size", name="count")]
        ),
        "check": Pipeline([node(check, ["params:limits", "params:url", "params:needed"], "checked", name="check")]),
        "whole": Pipeline([node(everything, "parameters", "all", name="all")]),
        "enter": Pipeline([node(enter, ["params:login", "params:access", "logins"], "entered", name="enter")]),
        "none": Pipeline([node(lambda: 1, None, "one", name="one")]),
        "empty": Pipeline([]),
    }
"""
PARAMETERS = """
model: {depth: 3, rate: 0.1, password: secret}
alpha: 0.5
options: {kind: fast, other: 1}
limits: {low: 1, high: 5}
url: s3://user:secret@host/data
access_key: secret
"""
BODY: dict[str, Any] = {"inputs": {"rows": [{"n": 1}], "my offer": {"price": 2}}}


@pytest.fixture
def typed(make_project) -> Path:
    return make_project(TYPED, parameters=PARAMETERS)


@pytest.fixture
def typed_served(typed: Path, serve) -> httpx.AsyncClient:
    return serve(typed)


def places(answer: httpx.Response) -> dict[str, str]:
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    return {".".join(map(str, found["loc"][1:])): found["type"] for found in answer.json()["errors"]}


async def test_the_schema_has_the_types_of_the_nodes_and_the_values_of_the_project(typed_served) -> None:
    answer = await typed_served.get("/pipelines/train%20it!/schema")
    schema = answer.json()
    params, inputs = schema["properties"]["params"], schema["properties"]["inputs"]
    assert params["properties"]["alpha"] == {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5}
    assert params["properties"]["options"]["properties"]["kind"]["enum"] == ["fast", "slow"]
    # A run merges what the caller brings over the project's own value, so no key is required.
    assert "required" not in params["properties"]["model"]
    assert params["additionalProperties"] is False
    assert inputs["required"] == ["my offer", "rows"]
    assert schema["$defs"]["Offer"]["properties"]["price"] == {"type": "number", "exclusiveMinimum": 0}
    assert schema["properties"]["outputs"]["default"] == ["size"]
    assert schema["properties"]["outputs"]["items"]["enum"] == ["metrics", "size"]
    assert schema["examples"][0]["params"]["options"] == {"kind": "fast"}
    assert schema["required"] == ["inputs"]


async def test_no_schema_shows_a_secret(typed_served) -> None:
    for path in (
        "/openapi.json",
        "/pipelines/train%20it!/schema",
        "/pipelines/check/schema",
        "/pipelines/whole/schema",
        "/pipelines/enter/schema",
    ):
        answer = await typed_served.get(path)
        assert answer.status_code == 200
        assert "secret" not in answer.text
    properties = {name: found["properties"] for name, found in answer.json()["$defs"].items()}
    assert properties["Login"]["tries"]["default"] == 3
    assert properties["Access"]["name"]["default"] == "nobody"


async def test_a_run_answers_with_the_outputs_of_the_pipeline(typed_served) -> None:
    answer = await typed_served.post("/pipelines/train%20it!/run", json=BODY)
    assert (answer.status_code, answer.json()["outputs"]) == (200, {"size": 4})
    body = {**BODY, "params": {"model": {"depth": 7}, "alpha": 1}, "outputs": ["metrics"]}
    answer = await typed_served.post("/pipelines/train%20it!/run", json=body)
    assert answer.json()["outputs"] == {"metrics": {"alpha": 1.0, "rows": 1.0, "depth": 7.0, "price": 2.0}}


async def test_wrong_fields_are_named_before_anything_runs(typed_served) -> None:
    body = {
        "inputs": {"rows": [{"n": 1}, {"n": "x"}, {}], "my offer": {"price": 0}, "unknown": 1},
        "params": {"alpha": 2, "options": {"kind": "no"}, "model": {"depth": "deep"}, "alhpa": 1},
        "outputs": ["size", "rows"],
        "timeout_seconds": 0,
        "labels": {"a": 1},
        "extra": 1,
    }
    answer = await typed_served.post("/pipelines/train%20it!/run", json=body)
    assert places(answer) == {
        "inputs.rows.1.n": "type_error",
        "inputs.rows.2.n": "missing",
        "inputs.my offer.price": "greater_than",
        "inputs.unknown": "extra_forbidden",
        "params.alpha": "less_than_equal",
        "params.options.kind": "enum",
        "params.model.depth": "type_error",
        "params.alhpa": "extra_forbidden",
        "outputs.1": "enum",
        "timeout_seconds": "greater_than",
        "labels.a": "type_error",
        "extra": "extra_forbidden",
    }
    assert (await typed_served.get("/runs")).json()["runs"] == []


@pytest.mark.parametrize(
    "body",
    [
        *(b"[1]", b'"text"', b"null", b"{", b"\xff", b"[" * 100_000),
        *(b'{"inputs": []}', b'{"inputs": {"x": NaN}}', b'{"inputs": {"x": 1, "\\ud800": 1}}'),
    ],
)
async def test_a_body_that_is_no_object_is_refused(typed_served, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await typed_served.post("/pipelines/__default__/run", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_what_only_a_model_refuses_is_named_too(typed_served) -> None:
    params = {"needed": 1, "limits": {"low": 9}}
    answer = await typed_served.post("/pipelines/check/run", json={"params": params})
    assert places(answer) == {"params.limits": "value_error"}
    assert "low is above high" in answer.json()["detail"]
    answer = await typed_served.post("/pipelines/check/run", json={"params": {"needed": 1, "limits": {"low": 2}}})
    assert answer.json()["outputs"] == {"checked": 1}


async def test_a_parameter_that_the_project_lacks_is_required(typed_served) -> None:
    assert places(await typed_served.post("/pipelines/check/run", json={"params": {}})) == {"params.needed": "missing"}


async def test_a_pipeline_without_inputs_runs_without_a_body(typed_served) -> None:
    answer = await typed_served.post("/pipelines/none/run")
    assert answer.json()["outputs"] == {"one": 1}


async def test_a_node_that_takes_all_parameters_takes_any(typed_served) -> None:
    answer = await typed_served.post("/pipelines/whole/run", json={"params": {"own": 1, "alpha": 9}})
    assert answer.json()["outputs"]["all"]["own"] == 1


async def test_a_slice_has_a_schema_of_its_own(typed_served) -> None:
    schema = (await typed_served.get("/pipelines/train%20it!/schema?node_names=count")).json()
    assert schema["properties"]["inputs"]["required"] == ["metrics"]
    body = {"inputs": {"metrics": [1, 2]}, "node_names": ["count"]}
    answer = await typed_served.post("/pipelines/train%20it!/run", json=body)
    assert answer.json()["outputs"] == {"size": 2}
    answer = await typed_served.post("/pipelines/train%20it!/run", json={"tags": ["no"]})
    assert (answer.status_code, answer.json()["title"]) == (422, "Invalid slice")
    assert (await typed_served.get("/pipelines/none/schema?color=red")).status_code == 422


async def test_a_client_may_prefer_an_answer_now(typed_served) -> None:
    headers = {"prefer": "respond-async, wait=10", "idempotency-key": "once"}
    body = {"inputs": {"x": 2}, "labels": {"team": "ml"}}
    answer = await typed_served.post("/pipelines/__default__/run", json=body, headers=headers)
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async, wait=10")
    record = (await typed_served.get(answer.headers["location"])).json()
    assert (record["status"], record["labels"], record["outputs"]) == ("success", {"team": "ml"}, ["y"])
    assert (await typed_served.get(f"{answer.headers['location']}/outputs/y")).json() == 4
    again = await typed_served.post("/pipelines/__default__/run", json=body, headers=headers)
    assert again.json()["run_id"] == record["run_id"]


async def test_unknown_and_empty_pipelines_are_problems(typed_served) -> None:
    assert (await typed_served.post("/pipelines/chekc/run")).json()["detail"].endswith("Did you mean 'check'?")
    for path in ("/pipelines/chekc/schema", "/pipelines/line%0Abreak/schema", "/pipelines/%0A"):
        answer = await typed_served.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await typed_served.post("/pipelines/empty/run")).status_code == 422


async def test_a_reload_renews_schemas_and_the_document(typed: Path, serve) -> None:
    http = serve(typed)
    before = await http.get("/openapi.json")
    assert (await http.get("/openapi.json", headers={"if-none-match": before.headers["etag"]})).status_code == 304
    (typed / "conf/base/parameters.yml").write_text(PARAMETERS.replace("alpha: 0.5", "alpha: 0.25") + "needed: 1\n")
    await http.post("/reload")
    after = await http.get("/openapi.json")
    assert after.headers["etag"] != before.headers["etag"]
    params = after.json()["components"]["schemas"]["TrainItParams"]
    assert params["properties"]["alpha"]["examples"] == [0.25]
    assert (await http.post("/pipelines/check/run")).json()["outputs"] == {"checked": 1}


async def test_a_project_that_cannot_be_read_has_a_document_without_pipelines(make_project, serve) -> None:
    http = serve(make_project("1/0"))
    paths = (await http.get("/openapi.json")).json()["paths"]
    assert "/run" in paths
    assert not any(path.startswith("/pipelines/_") for path in paths)
    assert (await http.post("/pipelines/a/run")).status_code == 503


async def test_inputs_that_the_catalog_defines_are_optional(make_project, serve) -> None:
    catalog = "x:\n  type: json.JSONDataset\n  filepath: x.json\ny:\n  type: json.JSONDataset\n  filepath: y.json\n"
    project = make_project(TYPED, parameters=PARAMETERS, catalog=catalog)
    http = serve(project)
    schema = (await http.get("/pipelines/__default__/schema")).json()
    assert "required" not in schema
    assert schema["properties"]["inputs"]["properties"]["x"]["type"] == "integer"
    # What the catalog keeps is given only to a caller that asks for it.
    assert schema["properties"]["outputs"]["default"] == []
    answer = await http.post("/pipelines/__default__/run", json={"inputs": {"x": 4}, "outputs": ["y"]})
    assert answer.json()["outputs"] == {"y": 8}
