"""``GET /datasets/{name}/preview``."""

import base64
import threading

import anyio
import httpx
import pytest

pytestmark = pytest.mark.anyio

REGISTRY = """
import time
from pathlib import Path
from kedro_asgi.io import AbstractDataset
from kedro_asgi.pipeline import Pipeline, node

class Picture(AbstractDataset):
    def __init__(self, metadata=None):
        self.metadata = metadata
    def load(self): raise RuntimeError("must not be loaded")
    def save(self, data): pass
    def _describe(self): return {}
    def preview(self, size=1) -> "ImagePreview":
        return "QUJD" * size

class Held(Picture):
    def preview(self) -> str:
        while not Path(__file__).parents[3].joinpath("release").exists():
            time.sleep(0.01)
        return "released"

class Plain(Picture):
    preview = None

def same(*values): return values

def register_pipelines():
    names = ["rows", "frame", "note", "quiet", "gone", "picture", "plain", "silent", "held"]
    return {"__default__": Pipeline([node(same, names, "out", name="all"), node(same, "part@csv", "done")])}
"""

CATALOG = """
rows: {type: csv.CSVDataset, filepath: data/rows.csv, metadata: {kedro-viz: {layer: raw, preview_args: {nrows: 2}}}}
frame: {type: pandas.CSVDataset, filepath: data/rows.csv, metadata: {kedro-viz: {preview_args: {nrows: 1000000}}}}
note: {type: kedro_asgi.io.files.text.TextDataset, filepath: data/note.txt, metadata: {kedro-viz: {preview: true}}}
quiet: {type: csv.CSVDataset, filepath: data/rows.csv}
gone:
  type: csv.CSVDataset
  filepath: data/missing.csv
  metadata: {kedro-viz: {preview_args: {}}}
picture: {type: "{package}.pipeline_registry.Picture", metadata: {kedro-viz: {preview_args: {size: 2}}}}
plain: {type: "{package}.pipeline_registry.Plain", metadata: {kedro-viz: {preview: true}}}
held: {type: "{package}.pipeline_registry.Held", metadata: {kedro-viz: {preview: true}}}
silent: {type: csv.CSVDataset, filepath: data/rows.csv, metadata: {kedro-viz: {preview: false, preview_args: {}}}}
part@csv: {type: csv.CSVDataset, filepath: data/rows.csv, metadata: {kedro-viz: {preview_args: {nrows: 1}}}}
"""


@pytest.fixture
def http(make_project, serve) -> httpx.AsyncClient:
    rows = "a,b\n" + "".join(f"{n},{n * n}\n" for n in range(1000))
    files = {"data/rows.csv": rows, "data/note.txt": "x" * 30_000, "conf/base/catalog.yml": CATALOG}
    return serve(make_project(REGISTRY, files=files))


async def test_a_table_shows_its_first_rows(http: httpx.AsyncClient) -> None:
    answer = await http.get("/datasets/rows/preview")
    assert answer.json() == [{"a": "0", "b": "0"}, {"a": "1", "b": "1"}], answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_a_dataset_of_kedro_makes_its_own_preview_within_bounds(http: httpx.AsyncClient) -> None:
    rows = (await http.get("/datasets/frame/preview")).json()
    assert (len(rows), rows[3]) == (100, {"a": 3, "b": 9})


async def test_a_text_is_cut_and_a_picture_is_a_data_uri(http: httpx.AsyncClient) -> None:
    assert len((await http.get("/datasets/note/preview")).json()) == 20_000
    picture = (await http.get("/datasets/picture/preview")).json()
    assert base64.b64decode(picture.removeprefix("data:image/png;base64,")) == b"ABCABC"


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("quiet", "no 'preview_args' for kedro-viz in the metadata of its catalog entry."),
        ("silent", "no 'preview_args' for kedro-viz in the metadata of its catalog entry."),
        ("rowz", "Did you mean 'rows'?"),
        ("plain", "'Plain' has no method 'preview'."),
        ("out", "no 'preview_args'"),
    ],
)
async def test_no_dataset_is_loaded_unless_its_entry_asks_for_it(http: httpx.AsyncClient, name, detail) -> None:
    answer = await http.get(f"/datasets/{name}/preview")
    assert (answer.status_code, answer.json()["title"]) == (404, "No preview")
    assert detail in answer.json()["detail"]


async def test_a_dataset_that_cannot_be_loaded_says_why(http: httpx.AsyncClient) -> None:
    answer = await http.get("/datasets/gone/preview")
    assert (answer.status_code, answer.json()["title"]) == (409, "The preview failed")
    assert "missing.csv" in answer.json()["detail"]


async def test_a_pipeline_tells_which_datasets_have_a_preview(http: httpx.AsyncClient) -> None:
    datasets = (await http.get("/pipelines/__default__")).json()["datasets"]
    previews = {found["name"]: found["preview"] for found in datasets}
    assert (previews["rows"], previews["quiet"], previews["silent"], previews["part"]) == (
        "rows",
        None,
        None,
        "part@csv",
    )
    assert (await http.get("/datasets/part%40csv/preview")).json() == [{"a": "0", "b": "0"}]


async def test_callers_wait_for_a_preview_that_hangs_without_a_thread_each(http: httpx.AsyncClient, tmp_path) -> None:
    await http.get("/pipelines")
    before, answers = threading.active_count(), []

    async def ask() -> None:
        answers.append((await http.get("/datasets/held/preview")).json())

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert threading.active_count() <= before + 2
        (tmp_path / "release").touch()
    assert answers == ["released"] * 10
