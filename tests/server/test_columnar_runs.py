"""Tables that come and go as Arrow, Parquet, and parts of a body."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import numpy as np
import pyarrow as pa
import pytest

from columns import ARROW, PARQUET, arrow_bytes, parquet_bytes, rows_in
from kedro_asgi.dispatch.stores.examination import examine
from kedro_asgi.dispatch.stores.maintenance import open_maintained
from kedro_asgi.multipart import Part, read_parts, write_parts
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line
from project_files import write_project

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

_REGISTRY = """
import pandas as pd
import polars as pl
import pyarrow as pa
from kedro_asgi.pipeline import Pipeline, node

def double(rows: pd.DataFrame) -> pd.DataFrame:
    rows.loc[rows["x"] > 2, "x"] = 10.0
    return rows.assign(x=rows["x"] * 2)

def again(rows: pd.DataFrame) -> float:
    return float(rows["x"].sum())

def kind(rows):
    return {"kind": type(rows).__name__}

def of_polars(rows: pl.DataFrame):
    return kind(rows)

def of_arrow(rows: pa.Table):
    return kind(rows)

def of_lazy(rows: pl.LazyFrame):
    return kind(rows)

def predict(rows: pd.DataFrame):
    return rows["x"].to_numpy() * 3

def same(rows):
    return rows

def fail(rows: pd.DataFrame):
    raise ValueError("no such row")

def join(left: pd.DataFrame, right: pl.DataFrame, factor: float):
    return left, {"rows": len(right), "factor": factor}

def one(name, func, outputs="out"):
    return Pipeline([node(func, "rows", outputs, name=name)])

def register_pipelines():
    return {
        "__default__": one("double", double),
        "twice": Pipeline([node(double, "rows", "out", name="d"), node(again, "rows", "sum", name="a")]),
        "polars": one("polars", of_polars),
        "arrow": one("arrow", of_arrow),
        "lazy": one("lazy", of_lazy),
        "untyped": one("untyped", kind),
        "file": Pipeline([node(same, "file", "out", name="file")]),
        "predict": one("predict", predict),
        "same": one("same", same),
        "fail": one("fail", fail),
        "constant": Pipeline([node(lambda: 1, None, "out", name="constant")]),
        "join": Pipeline([node(join, ["left", "right", "params:factor"], ["joined", "facts"], name="join")]),
    }
"""
_CATALOG = """
file:
  type: pandas.CSVDataset
  filepath: data/rows.csv
  load_args: {dtype: {n: float64}}
"""
_ROWS = pa.table({"x": [1.0, 2.0, 3.0], "n": [1, 2, 3], "s": ["a", "é", None]})
_DOUBLED = [{**row, "x": 20.0 if row["x"] > 2 else row["x"] * 2} for row in _ROWS.to_pylist()]


_FILES = {
    "src/{package}/pipeline_registry.py": _REGISTRY,
    "conf/base/catalog.yml": _CATALOG,
    "conf/base/parameters.yml": "factor: 1.5\n",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An application that all tests call, each in an event loop of its own."""
    project = write_project(tmp_path_factory.mktemp("columnar") / "project", _FILES)
    return create_http_server(project, store="memory:", max_body_bytes=200_000)


@pytest.fixture
def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")


async def send(
    client: httpx.AsyncClient, path: str, table: Any = _ROWS, *, accept: str = ARROW, content_type: str = ARROW
) -> httpx.Response:
    content = parquet_bytes(table) if content_type == PARQUET else arrow_bytes(table)
    return await client.post(path, content=content, headers={"content-type": content_type, "accept": accept})


async def send_parts(client: httpx.AsyncClient, path: str, parts: Sequence[Part], accept: str) -> httpx.Response:
    content_type, pieces = write_parts(parts)
    headers = {"content-type": content_type, "accept": accept}
    return await client.post(path, content=b"".join(map(bytes, pieces)), headers=headers)


def part(name: str, table: Any = _ROWS) -> Part:
    return Part(name=name, content_type=ARROW, content=arrow_bytes(table))


@pytest.mark.parametrize("path", ["/run", "/pipelines/__default__/run"])
@pytest.mark.parametrize("kind", [ARROW, PARQUET])
async def test_a_table_goes_in_and_out(client: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await send(client, path, accept=kind, content_type=kind)
    assert rows_in(answer) == _DOUBLED
    assert (await client.get(f"/runs/{answer.headers['run-id']}")).json()["status"] == "success"


@pytest.mark.parametrize("path", ["/run?outputs=out", "/pipelines/__default__/run"])
async def test_a_table_is_answered_in_json_and_json_by_a_table(client: httpx.AsyncClient, path: str) -> None:
    answer = await send(client, path, accept="application/json")
    assert answer.json()["outputs"] == {"out": _DOUBLED}
    body = {"inputs": {"rows": _ROWS.to_pylist()}, "outputs": ["out"]}
    answer = await client.post(path.partition("?")[0], json=body, headers={"accept": PARQUET})
    assert rows_in(answer) == _DOUBLED


async def test_each_node_gets_rows_that_no_other_node_has_changed(client: httpx.AsyncClient) -> None:
    answer = await send(client, "/run?pipeline_names=twice&outputs=sum&outputs=out", accept="application/json")
    assert answer.json()["outputs"] == {"out": _DOUBLED, "sum": 6.0}


@pytest.mark.parametrize(
    ("pipeline", "kind"),
    [("polars", "DataFrame"), ("lazy", "LazyFrame"), ("arrow", "Table"), ("untyped", "list")],
)
async def test_a_node_gets_what_its_hint_says_and_records_without_one(
    client: httpx.AsyncClient, pipeline: str, kind: str
) -> None:
    answer = await send(client, f"/pipelines/{pipeline}/run", accept="application/json")
    assert answer.json()["outputs"] == {"out": {"kind": kind}}


async def test_a_table_in_place_of_a_file_has_the_types_that_its_entry_declares(client: httpx.AsyncClient) -> None:
    answer = await send(client, "/pipelines/file/run")
    assert pa.ipc.open_stream(answer.content).schema.field("n").type == pa.float64()


async def test_a_column_is_a_table_with_the_name_of_the_output(client: httpx.AsyncClient) -> None:
    assert rows_in(await send(client, "/pipelines/predict/run")) == [{"out": 3.0}, {"out": 6.0}, {"out": 9.0}]


async def test_a_table_may_have_no_rows(client: httpx.AsyncClient) -> None:
    assert rows_in(await send(client, "/pipelines/__default__/run", _ROWS.slice(0, 0))) == []


async def test_the_query_holds_the_other_fields(client: httpx.AsyncClient) -> None:
    query = {"input": "left", "inputs": '{"right": [{"n": 1}]}', "params": '{"factor": 3}', "outputs": "facts"}
    answer = await client.post(
        "/pipelines/join/run", params=query, content=arrow_bytes(_ROWS), headers={"content-type": ARROW}
    )
    assert answer.json()["outputs"] == {"facts": {"rows": 1, "factor": 3}}


@pytest.mark.parametrize("path", ["/run?outputs=out&", "/pipelines/__default__/run?"])
async def test_the_query_says_what_becomes_of_a_run_whose_client_disconnects(
    client: httpx.AsyncClient, path: str
) -> None:
    assert rows_in(await send(client, f"{path}on_hang_up=cancel")) == _DOUBLED
    answer = await send(client, f"{path}on_hang_up=wait")
    assert (answer.status_code, "must be cancel or continue" in answer.text) == (422, True)


@pytest.mark.parametrize("path", ["/run", "/pipelines/join/run"])
async def test_several_tables_are_parts_beside_json(client: httpx.AsyncClient, path: str) -> None:
    fields = {"params": {"factor": 3}, **({"pipeline_names": ["join"]} if path == "/run" else {})}
    parts = [
        Part(content_type="application/json", content=json.dumps(fields).encode()),
        part("left"),
        Part(name="right", content_type=PARQUET, content=parquet_bytes(_ROWS)),
    ]
    answer = await send_parts(client, path, parts, "multipart/mixed")
    assert answer.status_code == 200, answer.text
    first, joined = read_parts(answer.content, answer.headers["content-type"])
    assert json.loads(bytes(first.content))["outputs"] == {"facts": {"rows": 3, "factor": 3}}
    assert (joined.name, pa.ipc.open_stream(bytes(joined.content)).read_all().to_pylist()) == (
        "joined",
        _ROWS.to_pylist(),
    )


async def test_a_form_as_curl_sends_it_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/pipelines/join/run",
        files={
            "request": (None, '{"outputs": ["facts"]}', "application/json"),
            "left": ("left.arrow", arrow_bytes(_ROWS), ARROW),
            "right": ("right.parquet", parquet_bytes(_ROWS), PARQUET),
        },
    )
    assert answer.json()["outputs"] == {"facts": {"rows": 3, "factor": 1.5}}


async def test_a_table_can_be_promised_and_kept_as_columns(client: httpx.AsyncClient) -> None:
    path = "/runs?pipeline_names=predict&outputs=out&output_format=arrow&wait=30&labels=%7B%22a%22%3A%22b%22%7D"
    record = (await send(client, path, accept="application/json")).json()
    assert (record["status"], record["labels"], record["outputs"]) == ("success", {"a": "b"}, ["out"])
    output = f"/runs/{record['run_id']}/outputs/out"
    assert (await client.get(output)).json() == [3.0, 6.0, 9.0]
    for accept, content in ((ARROW, None), (PARQUET, None), ("text/csv", b'"out"\n3\n6\n9\n')):
        answer = await client.get(output, headers={"accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == accept
        assert answer.content == content if content else rows_in(answer) == [{"out": 3.0}, {"out": 6.0}, {"out": 9.0}]
    again = await client.post(f"/runs/{record['run_id']}/rerun?wait=30", json={})
    assert again.json()["status"] == "success"


async def test_an_output_that_is_kept_as_json_is_given_as_columns(client: httpx.AsyncClient) -> None:
    record = (await send(client, "/runs?pipeline_names=same&outputs=out&wait=30", accept="application/json")).json()
    output = f"/runs/{record['run_id']}/outputs/out"
    assert rows_in(await client.get(output, headers={"accept": PARQUET})) == _ROWS.to_pylist()
    body = {"pipeline_names": ["untyped"], "inputs": {"rows": []}, "outputs": ["out"]}
    record = (await client.post("/runs?wait=30", json=body)).json()
    output = f"/runs/{record['run_id']}/outputs/out"
    refused = await client.get(output, headers={"accept": ARROW})
    assert (refused.status_code, refused.json()["type"]) == (406, "urn:kedro-asgi:problem:not-acceptable")
    assert (await client.get(output, headers={"accept": f"{ARROW}, */*;q=0.1"})).json() == {"kind": "list"}


async def test_the_same_key_gives_the_same_answer(client: httpx.AsyncClient) -> None:
    headers = {"content-type": ARROW, "accept": ARROW, "idempotency-key": "k"}
    first, second = [
        await client.post("/run?input=rows&outputs=out", content=arrow_bytes(_ROWS), headers=headers) for _ in range(2)
    ]
    assert first.headers["run-id"] == second.headers["run-id"]
    assert rows_in(first) == rows_in(second) == _DOUBLED
    other = await client.post("/run?input=rows&outputs=out", content=arrow_bytes(_ROWS.slice(1)), headers=headers)
    assert other.status_code == 422


@pytest.mark.parametrize("path", ["/run", "/pipelines/fail/run"])
async def test_a_failed_run_is_no_success_for_a_reader_of_tables(client: httpx.AsyncClient, path: str) -> None:
    answer = await send(client, f"{path}?{'pipeline_names=fail' if path == '/run' else ''}")
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "no such row")


async def test_an_input_of_a_wrong_type_is_the_fault_of_the_request(client: httpx.AsyncClient) -> None:
    answer = await send(client, "/run?pipeline_names=file", pa.table({"n": ["no number"]}))
    assert (answer.status_code, "column 'n'" in answer.json()["error"]["message"]) == (422, True)


REFUSED = {
    "no table": ("/run", ARROW, b'{"a": 1}', 422, "no stream of Arrow"),
    "cut off": ("/run", ARROW, arrow_bytes(_ROWS)[:-200], 422, "cut off"),
    "no file": ("/run", PARQUET, b"PAR1", 422, "Parquet"),
    "too large": ("/run", ARROW, bytes(200_001), 413, "larger than 200000 bytes"),
    "a bomb": ("/run", ARROW, arrow_bytes(pa.table({"x": np.zeros(10**6)}), compression="zstd"), 413, "unpacked"),
    "another type": ("/run", "application/vnd.apache.arrow.file", b"", 415, ARROW),
    "no boundary": ("/run", "multipart/mixed", b"--x--", 422, "boundary"),
    "an unknown field": ("/run?inptu=rows", ARROW, arrow_bytes(_ROWS), 422, "'inptu' is unknown"),
    "a wrong flag": ("/run?is_async=maybe", ARROW, arrow_bytes(_ROWS), 422, "'is_async' must be"),
    "wrong params": ("/run?params=%7B", ARROW, arrow_bytes(_ROWS), 422, "'params' must be JSON"),
    "a list of params": ("/run?params=%5B%5D", ARROW, arrow_bytes(_ROWS), 422, "params"),
    "two names": ("/run?input=a&input=b", ARROW, arrow_bytes(_ROWS), 422, "only once"),
    "given twice": ("/run?input=rows&inputs=%7B%22rows%22%3A1%7D", ARROW, arrow_bytes(_ROWS), 422, "given twice"),
    "which input": ("/pipelines/join/run", ARROW, arrow_bytes(_ROWS), 422, "'left', 'right'"),
    "no input": ("/pipelines/constant/run", ARROW, arrow_bytes(_ROWS), 422, "pipeline 'constant' takes no inputs"),
    "no number": ("/runs?timeout_seconds=x", ARROW, arrow_bytes(_ROWS), 422, "'timeout_seconds' must be a number"),
    "which output": ("/pipelines/twice/run", ARROW, arrow_bytes(_ROWS), 406, "holds one table"),
    "no output": ("/run?outputs=gone", ARROW, arrow_bytes(_ROWS), 422, "gone"),
    "no form": ("/pipelines/untyped/run", ARROW, arrow_bytes(_ROWS), 406, "Output 'out' cannot be given"),
}


@pytest.mark.parametrize(("path", "content_type", "content", "status", "reason"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_used_is_a_clear_error(
    client: httpx.AsyncClient, path: str, content_type: str, content: bytes, status: int, reason: str
) -> None:
    headers = {"content-type": content_type, "accept": ARROW}
    answer = await client.post(path, content=content, headers=headers)
    assert (answer.status_code, reason in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("path", ["/run?pipeline_names=twice&outputs=out&outputs=sum", "/pipelines/twice/run"])
@pytest.mark.parametrize("accept", ["text/csv, application/json", f"{ARROW}, application/json;q=0.5"])
async def test_a_caller_that_takes_json_gets_it_for_several_outputs(
    client: httpx.AsyncClient, path: str, accept: str
) -> None:
    answer = await send(client, path, accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["outputs"] == {"out": _DOUBLED, "sum": 6.0}
    assert answer.json()["run_id"] == answer.headers["run-id"]


PARTS = {
    "another type": ([Part(name="left", content_type="text/csv", content=b"a")], 415, "text/csv"),
    "no name": ([Part(content_type=ARROW, content=arrow_bytes(_ROWS))], 422, "no name"),
    "one name twice": ([part("left"), part("left")], 422, "Two parts are named 'left'"),
    "two requests": ([Part(content_type="application/json", content=b"{}")] * 2, 422, "more than one part of JSON"),
    "no json": ([Part(content_type="application/json", content=b"{")], 422, "no JSON"),
    "wrong inputs": (
        [Part(content_type="application/json", content=b'{"inputs": [1]}'), part("left"), part("right")],
        422,
        "inputs",
    ),
    "no object": ([Part(content_type="application/json", content=b"[]")], 422, "JSON object"),
    "an unknown input": ([part("left"), part("right"), part("gone")], 422, "gone"),
    "a damaged table": ([Part(name="left", content_type=ARROW, content=b"x")], 422, "Table 'left' cannot be used"),
}


@pytest.mark.parametrize(("parts", "status", "reason"), PARTS.values(), ids=PARTS)
async def test_parts_that_cannot_be_used_are_a_clear_error(
    client: httpx.AsyncClient, parts: Sequence[Part], status: int, reason: str
) -> None:
    answer = await send_parts(client, "/pipelines/join/run", parts, "application/json")
    assert (answer.status_code, reason in answer.text) == (status, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_schema_of_a_pipeline_holds_for_its_tables(client: httpx.AsyncClient) -> None:
    answer = await send(client, "/pipelines/join/run?input=left&params=%7B%22factor%22%3A%22x%22%7D", accept="*/*")
    assert answer.status_code == 422
    assert {tuple(error["loc"]) for error in answer.json()["errors"]} >= {("body", "params", "factor")}


async def test_there_may_be_no_such_pipeline(tmp_path: Path, serve) -> None:
    answer = await send(serve(write_project(tmp_path, _FILES)), "/run?pipeline_names=none")
    assert (answer.status_code, "'none'" in answer.json()["detail"]) == (404, True)


async def test_a_project_that_cannot_be_read_is_the_same_problem_on_every_route(tmp_path: Path, serve) -> None:
    client = serve(write_project(tmp_path, {**_FILES, "conf/base/catalog.yml": "file: [\n"}))
    answers = [await send(client, path) for path in ("/runs", "/pipelines/__default__/run")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert [answer.json()["type"] for answer in answers] == ["urn:kedro-asgi:problem:project-failed"] * 2
    assert [answer.headers["retry-after"] for answer in answers] == ["5", "5"]
    kedros = await send(client, "/run")
    assert (kedros.status_code, kedros.json()["detail"]) == (503, answers[0].json()["detail"])


async def test_a_caller_may_run_only_its_pipelines(tmp_path: Path, serve) -> None:
    token = make_token()
    client = serve(write_project(tmp_path, _FILES), tokens=token_line("a", token, ["run"], ["polars"]))
    client.headers["authorization"] = f"Bearer {token}"
    assert (await send(client, "/run?pipeline_names=predict")).status_code == 403
    assert (await send(client, "/run?pipeline_names=polars", accept="application/json")).status_code == 200


async def test_a_server_without_pyarrow_says_what_to_install(client: httpx.AsyncClient, monkeypatch) -> None:
    monkeypatch.setattr("kedro_asgi.server.columnar.library.find_spec", lambda name: None)
    told = "pip install 'kedro-asgi[arrow]'"
    refused = await send(client, "/run", accept="application/json")
    assert (refused.status_code, told in refused.text) == (415, True)
    body = {"inputs": {"rows": _ROWS.to_pylist()}, "outputs": ["out"]}
    refused = await client.post("/run", json=body, headers={"accept": ARROW})
    assert (refused.status_code, told in refused.text) == (406, True)
    refused = await client.post("/runs", json={**body, "output_format": "arrow"})
    assert (refused.status_code, told in refused.text) == (406, True)


async def test_a_store_with_columns_is_sound_and_repeats_their_runs(tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    app = create_http_server(write_project(tmp_path / "project", _FILES), store=store)
    async with app.router.lifespan_context(app):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
        path = "/runs?pipeline_names=polars&input=rows&outputs=out&outputs=rows&output_format=arrow&wait=30"
        run_id = (await send(client, path, accept="application/json")).json()["run_id"]
        again = (await client.post(f"/runs/{run_id}/rerun?wait=30", json={})).json()
        output = await client.get(f"/runs/{again['run_id']}/outputs/rows", headers={"accept": ARROW})
        assert rows_in(output) == _ROWS.to_pylist()
    assert await anyio.to_thread.run_sync(lambda: examine(open_maintained(store)).is_sound)


async def test_a_run_of_a_table_can_be_streamed(client: httpx.AsyncClient) -> None:
    answer = await send(client, "/pipelines/__default__/run", accept="application/x-ndjson")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    last = json.loads(answer.text.splitlines()[-1])
    assert last["answer"]["outputs"]["out"] == _DOUBLED
