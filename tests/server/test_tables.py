"""Tables as inputs and outputs of a served project."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import numpy as np
import pandas as pd
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def same(rows):
    return rows

def dtypes(rows):
    return rows.dtypes.astype(str).to_dict()

def kind(x):
    return type(x).__name__

def total(rows):
    return rows["n"].sum()

def register_pipelines():
    return {
        "__default__": Pipeline([node(same, "rows", "out"), node(dtypes, "rows", "dtypes")]),
        "total": Pipeline([node(total, "rows", "sum")]),
        "saved": Pipeline([node(same, "rows", "file")]),
        "kinds": Pipeline([node(kind, name, f"kind_of_{name}") for name in ("rows", "asked", "plain", "loose")]),
    }
"""
CATALOG = """
rows:
  type: pandas.CSVDataset
  filepath: data/rows.csv
  load_args:
    parse_dates: [at]
    dtype: {group: category, count: Int64}
file:
  type: pandas.ParquetDataset
  filepath: data/file.parquet
asked:
  type: MemoryDataset
  metadata: {kedro_asgi: {input: pandas}}
plain:
  type: MemoryDataset
"""
RECORDS = [
    {"n": 1, "x": 0.5, "s": "a", "ok": True, "at": "2026-11-21T01:02:03", "group": "u", "count": 3},
    {"n": 2, "x": None, "s": None, "ok": False, "at": None, "group": None, "count": None},
]


@pytest.fixture
def served(make_project, serve) -> httpx.AsyncClient:
    return serve(make_project(REGISTRY, catalog=CATALOG))


async def run(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/run", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("table", [RECORDS, {name: [record[name] for record in RECORDS] for name in RECORDS[0]}])
async def test_a_table_keeps_its_values_from_input_to_output(served: httpx.AsyncClient, table: Any) -> None:
    body = await run(served, inputs={"rows": table}, outputs=["out", "dtypes"])
    assert body["outputs"]["out"] == RECORDS
    dtypes = body["outputs"]["dtypes"]
    assert {name: dtypes[name] for name in ("n", "x", "ok", "group", "count")} == {
        "n": "int64",
        "x": "float64",
        "ok": "bool",
        "group": "category",
        "count": "Int64",
    }
    assert dtypes["at"].startswith("datetime64")


async def test_a_table_from_a_file_equals_the_table_from_a_request(make_project, serve) -> None:
    project = make_project(REGISTRY, catalog=CATALOG)
    (project / "data").mkdir()
    pd.DataFrame(RECORDS).to_csv(project / "data" / "rows.csv", index=False)
    client = serve(project)
    from_file = await run(client, outputs=["out", "dtypes"])
    assert from_file["outputs"] == (await run(client, inputs={"rows": RECORDS}, outputs=["out", "dtypes"]))["outputs"]


async def test_a_saved_dataset_can_be_an_output(served: httpx.AsyncClient) -> None:
    body = await run(served, pipeline_names=["saved"], inputs={"rows": RECORDS}, outputs=["file"])
    assert body["outputs"]["file"] == RECORDS


async def test_a_memory_dataset_gets_a_table_only_on_request(served: httpx.AsyncClient) -> None:
    inputs = {name: [{"n": 1}] for name in ("rows", "asked", "plain", "loose")}
    body = await run(served, pipeline_names=["kinds"], inputs=inputs, outputs=[f"kind_of_{name}" for name in inputs])
    assert list(body["outputs"].values()) == ["DataFrame", "DataFrame", "list", "list"]


async def test_scalars_of_numpy_become_plain_numbers(served: httpx.AsyncClient) -> None:
    answer = await served.post(
        "/run", json={"pipeline_names": ["total"], "inputs": {"rows": [{"n": 1}, {"n": 2}]}, "outputs": ["sum"]}
    )
    assert '"outputs":{"sum":3}' in answer.text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([{"n": 1}, {"n": 1}, {"m": 1}], "record 3 has no column 'n', which record 1 has"),
        ({"n": [1], "m": []}, "column 'm' has 0 values, but column 'n' has 1"),
        ("rows.csv", "it is a text; expected is a list of records or a mapping of columns"),
        (7, "it is a number"),
        ([{"n": 1, "at": "soon"}], "column 'at', record 1: 'soon' cannot be read as a moment in ISO 8601"),
        ([{"count": 1}, {"count": "x"}], "column 'count', record 2: 'x' cannot be read as Int64"),
    ],
)
async def test_a_value_that_is_not_a_table_is_named_with_its_place(
    served: httpx.AsyncClient, value: Any, reason: str
) -> None:
    body = await run(served, inputs={"rows": value})
    assert body["status"] == "failure"
    assert body["error"]["type"] == "DatasetError"
    assert body["error"]["message"].startswith(f"Input 'rows' cannot become a table of pandas: {reason}")
    assert (await run(served, inputs={"rows": RECORDS}))["status"] == "success"


async def test_a_large_table_does_not_block_the_event_loop(
    make_project, serve: Callable[..., httpx.AsyncClient]
) -> None:
    client = serve(make_project(REGISTRY, catalog=CATALOG), max_body_bytes=64 * 1024 * 1024)
    await run(client, inputs={"rows": RECORDS}, outputs=["out", "dtypes"])
    rows = 100_000
    content = json.dumps({"inputs": {"rows": {"n": list(range(rows)), "x": [0.5] * rows}}, "outputs": ["out"]}).encode()
    waits: list[float] = []

    async def tick() -> None:
        while True:
            started = time.perf_counter()
            await anyio.lowlevel.checkpoint()
            waits.append(time.perf_counter() - started)
            await anyio.sleep(0.002)

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        answer = await client.post("/run", content=content, headers={"content-type": "application/json"})
        tasks.cancel_scope.cancel()
    assert answer.json()["outputs"]["out"][-1] == {"n": rows - 1, "x": 0.5}
    # A part of the whole, since a busy machine makes both longer.
    assert sorted(waits)[len(waits) // 2] < (time.perf_counter() - began) / 10


async def test_concurrent_runs_do_not_mix_their_tables(served: httpx.AsyncClient) -> None:
    async def ask(number: int) -> None:
        rows = [{"n": number, "x": np.pi * number}] * 50
        body = await run(served, inputs={"rows": rows}, outputs=["out"])
        assert body["outputs"]["out"] == rows

    async with anyio.create_task_group() as tasks:
        for number in range(32):
            tasks.start_soon(ask, number)


async def test_plain_values_import_no_library(make_project, tmp_path: Path) -> None:
    code = f"""
import sys
from kedro_asgi.session import KedroServiceSession
session = KedroServiceSession.create(project_path={str(make_project())!r}, serving_mode=True)
session.run(from_nodes=["double"], inputs={{"s": [1]}})
print([name for name in ("pandas", "numpy", "polars", "pyarrow", "kedro") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
