"""``GET /snapshot`` (SRV-40)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from kedro_asgi.server import create_http_server

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

RICH = """
import functools
from os.path import basename
from kedro_asgi.pipeline import Pipeline, node, pipeline

def plain(x):
    return x

def wrap(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args)
    return inner

@wrap
def wrapped(x):
    return x

class Callable:
    def __call__(self, x):
        return x

def register_pipelines():
    base = Pipeline([node(plain, "raw", "mid", name="n1", tags=["z", "a"])])
    odd = Pipeline([
        node(lambda x: x, "q1", "r1", name="lam"),
        node(functools.partial(plain), "q2", "r2", name="par"),
        node(len, "q3", "r3", name="bi"),
        node(basename, "q4", "r4", name="ext"),
        node(wrapped, "q5", "r5", name="wr"),
        node(Callable(), "q6", "r6", name="call"),
        node(plain, "item_fac", None, name="noout"),
        node(plain, "params:opt.lr", "y_fac", name="opt"),
    ])
    return {"__default__": base + pipeline(base, namespace="ns"), "odd": odd, "none": None}
"""

CATALOG = """
raw:
  type: pandas.CSVDataset
  filepath: data/raw.csv
remote:
  type: json.JSONDataset
  filepath: s3://user:secret@bucket/x.json?token=1
_hidden:
  type: json.JSONDataset
"{name}_fac":
  type: json.JSONDataset
  filepath: data/{name}.json
"""


async def test_a_snapshot_shows_pipelines_datasets_and_parameters(make_project, serve) -> None:
    client = serve(make_project(RICH, catalog=CATALOG, parameters="opt: {lr: 1}\n_own: 2\n"))
    body = (await client.get("/snapshot")).json()
    assert body["status"] == "success"
    assert body["parameters"] == ["_own", "opt"]
    assert body["datasets"] == {
        "raw": {"name": "raw", "type": "pandas.CSVDataset", "filepath": "data/raw.csv"},
        "remote": {
            "name": "remote",
            "type": "json.JSONDataset",
            "filepath": "s3://<redacted>@bucket/x.json?<redacted>",
        },
        "item_fac": {"name": "item_fac", "type": "json.JSONDataset", "filepath": "data/item.json"},
        "y_fac": {"name": "y_fac", "type": "json.JSONDataset", "filepath": "data/y.json"},
    }
    default, odd = body["pipelines"]
    assert [node["name"] for node in default["nodes"]] == ["n1", "ns.n1"]
    assert default["nodes"][1]["namespace"] == "ns"
    assert default["nodes"][0]["tags"] == ["a", "z"]
    assert default["inputs"] == ["ns.raw", "raw"]
    named = {node["name"]: node for node in odd["nodes"]}
    assert {name: node["func_name"] for name, node in named.items()} == {
        "lam": "<lambda>",
        "par": "<partial>",
        "bi": "len",
        "ext": "basename",
        "wr": "wrapped",
        "call": "Callable",
        "noout": "plain",
        "opt": "plain",
    }
    assert {name for name, node in named.items() if node["source"] is None} == {"lam", "par", "bi", "ext", "call"}
    source = named["wr"]["source"]
    assert source["filepath"].endswith("pipeline_registry.py")
    assert (source["line_start"], source["line_end"]) == (15, 17)


@pytest.mark.parametrize(
    ("catalog", "type_"),
    [
        ("a:\n  type: 5\n", 5),
        ("a:\n  filepath: x\n", ""),
        ("a:\n  type: json.JSONDataset\n  credentials: zz\n", "json.JSONDataset"),
        ("a:\n  type: nope.Nope\n", "nope.Nope"),
    ],
)
async def test_datasets_are_shown_as_configured_without_creating_them(
    make_project, serve, catalog: str, type_: object
) -> None:
    body = (await serve(make_project(catalog=catalog)).get("/snapshot")).json()
    assert body["datasets"]["a"]["type"] == type_


@pytest.mark.parametrize(
    ("catalog", "kind"),
    [("b: [\n", "ParserError"), ("a:\n  type: ${nope}\n", "InterpolationKeyError")],
)
async def test_a_broken_configuration_is_a_failure(make_project, serve, catalog: str, kind: str) -> None:
    client = serve(make_project(catalog=catalog))
    body = (await client.get("/snapshot")).json()
    assert body["status"] == "failure"
    assert body["error"]["type"] == kind
    assert (await client.post("/run", json={})).json()["error"]["type"] == kind


async def test_runtime_parameters_are_applied(make_project, serve) -> None:
    catalog = "a:\n  type: ${runtime_params:dt, MemoryDataset}\n"
    client = serve(make_project(catalog=catalog))
    body = (await client.get("/snapshot", params={"params": "dt=pickle.PickleDataset,new.k=1"})).json()
    assert body["datasets"]["a"]["type"] == "pickle.PickleDataset"
    assert body["parameters"] == ["a", "b", "dt", "new"]


async def test_a_missing_environment_is_a_failure_for_runs_and_snapshots(tiny, serve) -> None:
    client: httpx.AsyncClient = serve(tiny, env="nope")
    for answer in (await client.get("/snapshot"), await client.post("/run", json={})):
        assert answer.json()["error"]["type"] == "MissingConfigException"
        assert "does not exist or is not a valid directory" in answer.json()["error"]["message"]


async def test_the_snapshot_of_a_project_without_catalog_and_parameters_is_empty(make_project, serve) -> None:
    project = make_project(parameters=None)
    (project / "conf" / "base" / "catalog.yml").unlink()
    body = (await serve(project).get("/snapshot")).json()
    assert (body["status"], body["datasets"], body["parameters"]) == ("success", {}, [])


COUNTING = """
from itertools import count

numbers = count()
CONFIG_LOADER_ARGS = {"custom_resolvers": {"number": lambda: next(numbers)}}
"""


async def test_a_snapshot_is_kept_until_a_reload_and_has_a_digest(make_project, serve) -> None:
    project = make_project(catalog=CATALOG)
    client = serve(project)
    first = await client.get("/snapshot")
    assert first.headers["content-type"] == "application/json"
    known = {"if-none-match": first.headers["etag"]}
    again = await client.get("/snapshot", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    (project / "conf/base/parameters.yml").write_text("a: 1\nb: 2\nadded: 3\n")
    assert (await client.get("/snapshot")).content == first.content
    await client.post("/reload")
    changed = await client.get("/snapshot", headers=known)
    assert (changed.status_code, changed.json()["parameters"]) == (200, ["a", "added", "b"])


async def test_each_text_of_runtime_parameters_has_a_snapshot(make_project, serve) -> None:
    client = serve(make_project(catalog="a:\n  type: ${runtime_params:dt, MemoryDataset}\n"))
    for _ in range(2):
        for kind in ("MemoryDataset", *(f"made.Number{number}" for number in range(20))):
            body = (await client.get("/snapshot", params={"params": f"dt={kind}"})).json()
            assert body["datasets"]["a"]["type"] == kind


async def test_a_project_with_resolvers_of_its_own_has_a_new_snapshot_each_time(make_project, serve) -> None:
    client = serve(make_project(catalog="a:\n  type: n${number:}.Dataset\n", settings=COUNTING))
    kinds = [(await client.get("/snapshot")).json()["datasets"]["a"]["type"] for _ in range(3)]
    assert kinds == ["n0.Dataset", "n1.Dataset", "n2.Dataset"]


async def test_a_failure_is_not_kept(make_project, serve) -> None:
    project = make_project(registry="raise ImportError('not yet')\n")
    client = serve(project)
    failed = await client.get("/snapshot")
    assert failed.json()["error"]["message"] == "not yet"
    assert "etag" not in failed.headers
    (registry,) = project.glob("src/*/pipeline_registry.py")
    registry.write_text("def register_pipelines():\n    return {}\n")
    assert (await client.get("/snapshot")).json()["status"] == "success"


@asynccontextmanager
async def with_lifespan(project: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_http_server(project, store="memory:")
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as client:
        yield client


async def test_a_reload_by_one_worker_shows_in_the_answers_of_the_others(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEDRO_SERVER_RELOAD_SIGNAL", str(tmp_path / "reload"))
    async with with_lifespan(tiny) as one, with_lifespan(tiny) as other:
        assert (await other.get("/snapshot")).json()["parameters"] == ["a", "b"]
        (tiny / "conf/base/parameters.yml").write_text("a: 1\nb: 2\nc: 3\n")
        assert (await one.post("/reload")).status_code == 200
        with anyio.fail_after(60):
            while (await other.get("/snapshot")).json()["parameters"] != ["a", "b", "c"]:
                await anyio.sleep(0.02)
