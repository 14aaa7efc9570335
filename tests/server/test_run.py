"""``POST /run``: inputs, outputs, failed runs and bad requests."""

import asyncio
import json
from pathlib import Path

import anyio
import httpx
import pytest

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors import RunFailedError
from kedro_asgi.server import create_http_server

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

ODD = """
import datetime, math
from kedro_asgi.pipeline import Pipeline, node

def same(x):
    return x

def leave(x):
    raise SystemExit(3)

def interrupt(x):
    raise KeyboardInterrupt

def secret(x):
    raise RuntimeError("cannot reach s3://user:pw@bucket/path?token=1 as user:pw@host")

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def mute(x):
    raise Mute

class Outer:
    class Inner(Exception):
        pass

def inner(x):
    raise Outer.Inner("in")

def values(x):
    return {
        "date": datetime.date(2026, 11, 21),
        "time": datetime.datetime(2026, 11, 21, 1, 2, 3),
        "nan": math.nan,
        "list": [1, 2.5, "a", None, True],
        "tuple": (1, 2),
    }

def handle(x):
    return object()

def loop(x):
    found = []
    found.append(found)
    return found

def register_pipelines():
    functions = [same, leave, interrupt, secret, mute, inner, values, handle, loop]
    pipelines = {f.__name__: Pipeline([node(f, "params:a", "out", name=f.__name__)]) for f in functions}
    pipelines["rows"] = Pipeline([node(same, "rows", "out")])
    pipelines["__default__"] = pipelines["same"]
    return pipelines
"""


async def run(client: httpx.AsyncClient, **body: object) -> dict[str, object]:
    answer = await client.post("/run", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_requested_outputs_are_returned(tiny_served: httpx.AsyncClient) -> None:
    body = await run(tiny_served, outputs=["s", "d"], params={"a": 10})
    assert set(body) == {"status", "run_id", "duration_ms", "outputs"}
    assert body["outputs"] == {"s": 12, "d": 24}


async def test_inputs_replace_a_dataset_for_that_run_only(tiny_served: httpx.AsyncClient) -> None:
    body = await run(tiny_served, from_nodes=["double"], inputs={"s": [1]}, outputs=["d"])
    assert body["outputs"] == {"d": [1, 1]}
    assert (await run(tiny_served, outputs=["d"]))["outputs"] == {"d": 6}


async def test_values_are_converted_to_json(make_project, serve) -> None:
    body = await run(serve(make_project(ODD)), pipeline_names=["values"], outputs=["out"])
    assert body["outputs"]["out"] == {
        "date": "2026-11-21",
        "time": "2026-11-21T01:02:03",
        "nan": None,
        "list": [1, 2.5, "a", None, True],
        "tuple": [1, 2],
    }


@pytest.mark.parametrize("pipeline", ["handle", "loop"])
async def test_an_output_that_json_cannot_express_is_named(make_project, serve, pipeline: str) -> None:
    body = await run(serve(make_project(ODD)), pipeline_names=[pipeline], outputs=["out"])
    assert (body["status"], body["outputs"]) == ("success", {})
    assert "Output 'out' cannot be encoded as JSON" in body["output_problems"]["out"]


MODELS = """
from collections.abc import Iterator
from pathlib import Path
from sklearn.linear_model import LinearRegression
from kedro_asgi.io import AbstractDataset
from kedro_asgi.pipeline import Pipeline, node

def fit(x):
    Path("{folder}/fitted").touch()
    return LinearRegression().fit([[0], [1]], [0, 1])

def hinted(x) -> LinearRegression:
    return fit(x)

def several(x) -> tuple[int, LinearRegression | None]:
    return 1, fit(x)

def optional(x) -> LinearRegression | None:
    return fit(x)

def chunks(x) -> Iterator[int]:
    yield x

class SaveOnly(AbstractDataset):
    def load(self): raise NotImplementedError("cannot be loaded")
    def save(self, data): Path("{folder}/saved").touch()
    def _describe(self): return {}

class Models(AbstractDataset):
    def load(self) -> LinearRegression: raise NotImplementedError
    def save(self, data): pass
    def _describe(self): return {}

def register_pipelines():
    return {
        "__default__": Pipeline([node(fit, "params:a", "model")]),
        "hinted": Pipeline([node(hinted, "params:a", "model")]),
        "several": Pipeline([node(several, "params:a", ["one", "model"])]),
        "optional": Pipeline([node(optional, "params:a", "model")]),
        "chunks": Pipeline([node(chunks, "params:a", "numbers")]),
        "save_only": Pipeline([node(fit, "params:a", "sink")]),
        "typed": Pipeline([node(fit, "params:a", "typed")]),
    }
"""
MODELS_CATALOG = """
model:
  type: pickle.PickleDataset
  filepath: data/model.pkl
sink:
  type: {package}.pipeline_registry.SaveOnly
typed:
  type: {package}.pipeline_registry.Models
"""


@pytest.fixture
def models(make_project, tmp_path: Path) -> Path:
    return make_project(MODELS.replace("{folder}", str(tmp_path / "project")), catalog=MODELS_CATALOG)


@pytest.mark.parametrize("pipeline", ["__default__", "several", "optional"])
async def test_a_saved_model_that_cannot_be_given_does_not_make_its_run_a_failure(
    models: Path, serve, pipeline: str
) -> None:
    async with serve(models) as http:
        body = await run(http, pipeline_names=[pipeline], outputs=["model"])
        record = (await http.get(f"/runs/{body['run_id']}")).json()
        kept = await http.get(f"/runs/{body['run_id']}/outputs/model")
    assert (body["status"], body["outputs"]) == ("success", {})
    assert "sklearn.linear_model._base.LinearRegression' have no JSON form" in body["output_problems"]["model"]
    assert (models / "data" / "model.pkl").exists()
    assert record["output_problems"] == body["output_problems"]
    assert (kept.status_code, "have no JSON form" in kept.json()["detail"]) == (404, True)


@pytest.mark.parametrize(("pipeline", "output"), [("hinted", "model"), ("typed", "typed")])
async def test_an_output_that_can_never_be_given_is_found_before_anything_runs(
    models: Path, serve, pipeline: str, output: str
) -> None:
    async with serve(models) as http:
        for _ in range(2):
            body = await run(http, pipeline_names=[pipeline], outputs=[output])
            assert (body["status"], body["error"]["type"]) == ("failure", "TypeError")
            assert "'LinearRegression', which has no JSON form. Nothing was run" in body["error"]["message"]
        assert not (models / "fitted").exists()
        assert (await run(http, pipeline_names=[pipeline]))["status"] == "success"


async def test_an_output_that_cannot_be_loaded_is_named_with_the_reason(models: Path, serve) -> None:
    body = await run(serve(models), pipeline_names=["save_only"], outputs=["sink"])
    assert body["status"] == "success"
    assert "cannot be loaded" in body["output_problems"]["sink"]
    assert (models / "saved").exists()


async def test_a_type_hint_of_chunks_refuses_no_output(models: Path, serve) -> None:
    body = await run(serve(models), pipeline_names=["chunks"], outputs=["numbers"])
    assert body["status"] == "success"


@pytest.mark.parametrize("field", [{"inputs": {"nope": 1}}, {"outputs": ["nope"]}])
async def test_an_unknown_dataset_is_named(tiny_served: httpx.AsyncClient, field: dict) -> None:
    body = await run(tiny_served, **field)
    assert body["error"]["type"] == "DatasetNotFoundError"
    assert "nope" in body["error"]["message"]


@pytest.mark.parametrize(
    ("pipeline", "kind", "message"),
    [
        ("leave", "SystemExit", "3"),
        ("interrupt", "KeyboardInterrupt", ""),
        ("secret", "RuntimeError", "cannot reach s3://<redacted>@bucket/path?<redacted> as <redacted>@host"),
        ("mute", "RuntimeError", "no text"),
        ("inner", "Outer.Inner", "in"),
    ],
)
async def test_every_failure_is_answered_with_type_and_message(
    make_project, serve, pipeline: str, kind: str, message: str
) -> None:
    client = serve(make_project(ODD))
    body = await run(client, pipeline_names=[pipeline])
    assert set(body) == {"status", "run_id", "duration_ms", "error"}
    assert (body["error"]["type"], body["error"]["message"]) == (kind, message)
    assert (body["error"]["node"], body["error"]["line"] > 0) == (pipeline, True)
    assert (await run(client, outputs=["out"]))["outputs"] == {"out": 1}


@pytest.mark.parametrize(
    ("settings", "registry", "kind"),
    [
        ("", "import nope_zz\n", "ModuleNotFoundError"),
        ("", "1 +\n", "SyntaxError"),
        ("import nope_zz\n", "", "ModuleNotFoundError"),
        ("class H: pass\nHOOKS = (H,)\n", "def register_pipelines(): return {}\n", "TypeError"),
        ("", "def register_pipelines(): return 5\n", "TypeError"),
    ],
)
async def test_a_broken_project_is_answered_as_a_failed_run(make_project, serve, settings, registry, kind) -> None:
    client = serve(make_project(registry, settings=settings))
    body = await run(client)
    assert body["status"] == "failure"
    assert body["error"]["type"] == kind
    assert body["run_id"]
    assert (await client.get("/health")).status_code == 200
    assert (await client.get("/snapshot")).json()["status"] == "failure"


async def test_a_body_over_the_limit_is_refused(tiny: Path, serve) -> None:
    client = serve(tiny, max_body_bytes=1000)
    declared = await client.post("/run", json={"inputs": {"s": "x" * 1000}})
    assert declared.status_code == 413
    assert "1000 bytes" in declared.json()["detail"]

    async def chunks():
        for _ in range(10):
            yield b" " * 200

    streamed = await client.post("/run", content=chunks(), headers={"content-type": "application/json"})
    assert streamed.status_code == 413
    assert (await client.post("/run", json={})).json()["status"] == "success"


async def test_a_large_body_within_the_limit_is_accepted(make_project, serve) -> None:
    rows = [{"n": n, "text": "x" * 100} for n in range(20_000)]
    body = await run(serve(make_project(ODD)), pipeline_names=["rows"], inputs={"rows": rows}, outputs=["out"])
    assert body["outputs"]["out"] == rows


@pytest.mark.parametrize(
    "body",
    [
        b"\xff{}",
        b"[" * 100_000,
        b'{"params": {"a": ' + b"9" * 5000 + b"}}x",
        b'{"inputs": []}',
        b'{"outputs": "d"}',
    ],
)
async def test_the_answer_to_an_invalid_body_names_its_problems(tiny_served: httpx.AsyncClient, body: bytes) -> None:
    answer = await tiny_served.post("/run", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


async def test_a_caller_cannot_choose_the_type_of_a_dataset(make_project, serve) -> None:
    catalog = "q:\n  type: ${runtime_params:dt, MemoryDataset}\n"
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    def same(x):
        return x
    def register_pipelines():
        return {"__default__": Pipeline([node(same, "params:a", "q")])}
    """
    client = serve(make_project(registry, catalog=catalog))
    assert (await run(client, outputs=["q"]))["outputs"] == {"q": 1}
    body = await run(client, params={"dt": "pickle.PickleDataset"})
    assert body["error"]["type"] == "InterpolationResolutionError"
    assert "Dataset 'q' resolves a 'type' field via the 'runtime_params:' resolver" in body["error"]["message"]


async def test_a_caller_may_name_a_runner_of_the_project(make_project, serve) -> None:
    runners = "from kedro_asgi.runner import SequentialRunner\nclass Mine(SequentialRunner):\n    pass\n"
    project = make_project(files={"src/{package}/runners.py": runners})
    package = next((project / "src").iterdir()).name
    client = serve(project)
    assert (await run(client, runner=f"{package}.runners.Mine", outputs=["d"]))["outputs"] == {"d": 6}
    refused = await run(client, runner=f"{package}other.runners.Mine")
    assert f"Runner module '{package}other.runners' is not allowed." in refused["error"]["message"]


async def test_a_field_that_kedro_refuses_is_refused(tiny_served: httpx.AsyncClient) -> None:
    answer = await tiny_served.post("/run", json={"env": "prod"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "extra_forbidden"


CATALOG_WITH_RUNTIME_PATH = """
note:
  type: json.JSONDataset
  filepath: data/${runtime_params:who}.json
"""

WHO = """
from kedro_asgi.pipeline import Pipeline, node

def label(who):
    return {"who": who}

def register_pipelines():
    return {"__default__": Pipeline([node(label, "params:who", "note")])}
"""


async def test_a_thousand_concurrent_runs_each_write_their_own_file(make_project, serve) -> None:
    project = make_project(WHO, catalog=CATALOG_WITH_RUNTIME_PATH, parameters="who: nobody\n")
    client = serve(project)
    limiter = anyio.CapacityLimiter(16)

    async def one(who: str) -> None:
        async with limiter:
            assert (await run(client, params={"who": who}))["status"] == "success"

    async with anyio.create_task_group() as tasks:
        for number in range(1000):
            tasks.start_soon(one, f"caller-{number}")
    written = {file.stem: json.loads(file.read_text())["who"] for file in (project / "data").iterdir()}
    assert written == {f"caller-{number}": f"caller-{number}" for number in range(1000)}


@pytest.mark.parametrize("who", ["../outside", "a/../../outside", "..", "..\\outside"])
async def test_a_caller_cannot_leave_the_folder_of_a_dataset(make_project, serve, who: str) -> None:
    catalog = "note:\n  type: json.JSONDataset\n  filepath: data/notes/${runtime_params:who}/x.json\n"
    project = make_project(WHO, catalog=catalog, parameters="who: nobody\n")
    client = serve(project)
    body = await run(client, params={"who": who})
    assert body["status"] == "failure"
    assert "Dataset 'note' resolves 'filepath'" in body["error"]["message"]
    assert not (project / "data").exists()
    assert (await run(client, params={"who": "a..b"}))["status"] == "success"


async def test_run_ids_are_unique(tiny_served: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(run(tiny_served) for _ in range(300)))
    assert len({answer["run_id"] for answer in answers}) == 300


async def test_a_setting_gives_failed_runs_a_status_of_their_own(tiny: Path, serve) -> None:
    client = serve(tiny, failure_status=500)
    answer = await client.post("/run", json={"node_names": ["nope"]})
    assert (answer.status_code, answer.json()["status"]) == (500, "failure")
    assert (await client.post("/run", json={})).status_code == 200
    async with AsyncClient(app=create_http_server(tiny, failure_status=500), retries=0) as caller:
        with pytest.raises(RunFailedError, match="nope"):
            await caller.run(node_names=["nope"])


async def test_a_query_parameter_limits_the_time_of_a_run(work: Path, serve) -> None:
    async with serve(work) as http:
        body = {"pipeline_names": ["wait"], "params": {"seconds": 60}}
        answer = (await http.post("/run?timeout_seconds=0.05", json=body)).json()
    assert (answer["status"], answer["error"]["type"]) == ("failure", "RunTimedOutError")


@pytest.mark.parametrize("query", ["0", "-1", "nan", "1e99", "soon", "1&timeout_seconds=2"])
async def test_a_time_limit_that_makes_no_sense_is_refused(tiny_served: httpx.AsyncClient, query: str) -> None:
    answer = await tiny_served.post(f"/run?timeout_seconds={query}", json={})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:kedro-asgi:problem:invalid-query")
