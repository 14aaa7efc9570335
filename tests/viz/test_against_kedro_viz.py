"""Answers for kedro-viz's front end are those of kedro-viz itself, for the same project.

kedro-viz registers hooks in every Kedro project of its environment, so it is installed into one of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from kedro_asgi.server import create_http_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(900)]

REGISTRY = """
from functools import partial
from kedro.pipeline import Pipeline, node, pipeline

def one(x):
    return x

def two(x, y):
    return x

def four(table, parameters, limit, rate):
    return table

def register_pipelines():
    eu = pipeline(
        [
            node(two, ["raw", "params:alpha"], "table", name="read", tags=["slow", "io"]),
            node(four, ["table", "parameters", "params:limit", "params:rate"], "model", name="fit"),
        ],
        namespace="shop.eu", inputs={"raw"}, outputs={"model"}, parameters={"params:alpha"},
    )
    us = pipeline(
        [node(one, "raw2", "mid", name="a"), node(one, "mid", "shown", name="b"), node(one, "mid", "end", name="c")],
        namespace="shop.us", inputs={"raw2"},
    )
    outer = pipeline(
        [node(two, ["shop.us.shown", "model"], "joined", name="join"), node(two, ["joined", "raw"], "shop.asia.kept")]
    )
    top = pipeline([node(two, ["joined", "x"], "y", name="t")], namespace="shop", inputs={"joined"})
    lab = pipeline(
        [
            node(one, "joined", "z", name="o"),
            node(one, "z", None, name="sink"),
            node(lambda: 1, None, "born", name="born"),
        ],
        namespace="lab", inputs={"joined"},
    )
    host = pipeline(
        [
            pipeline([node(one, "i", "between", name="p1")], namespace="l1", inputs={"i"}, outputs={"between"}),
            pipeline(
                [
                    node(one, "between", "fin", name="p2"),
                    node(one, "given", "both", name="p3"),
                    node(one, "both", "b2", name="p4"),
                ],
                namespace="l2", inputs={"between"},
            ),
            node(one, "l2.both", "bb", name="p5"),
        ],
        namespace="host",
    )
    deep = pipeline([node(one, "q", "r", name="deepest")], namespace="a.b.c")
    score = pipeline(
        [
            node(two, ["model", "born"], "scores", name="score", tags="io"),
            node(lambda x: x, "scores", "final"),
            node(one, "u1", "u2", namespace="un.named"),
            node(partial(two, y=1), "u2", "u3"),
            node(str.upper, "u3", "u4", name="upper"),
        ]
    )
    return {
        "score": score, "__default__": eu + us + outer + top + lab + host + deep + score, "it is eu": eu, "us": us
    }
"""
CATALOG = """
raw: {type: json.JSONDataset, filepath: data/raw.json, metadata: {kedro-viz: {layer: raw}}}
"shop.{place}.table":
  {type: json.JSONDataset, filepath: "data/{place}.json", metadata: {kedro-viz: {layer: primary}}}
model: {type: pickle.PickleDataset, filepath: data/model.pkl, metadata: {kedro-viz: {layer: models}}}
scores: {type: json.JSONDataset, filepath: data/scores.json, metadata: {kedro-viz: {layer: zeta}}}
joined: {type: json.JSONDataset, filepath: data/joined.json, metadata: {kedro-viz: {layer: alpha}}}
"""
PARAMETERS = "alpha: 0.5\nmodel: {depth: 3, rate: 0.1}\nshop.eu.limit: 3\nshop: {eu: {rate: 2}}\n"
PACKAGES = ("kedro-viz>=12", "kedro==1.7.0", "kedro-datasets[json-jsondataset,pickle-pickledataset]")


@pytest.fixture
def anyio_backend() -> str:
    """The installation takes a minute, and no answer depends on the event loop."""
    return "asyncio"


@pytest.fixture
def kedro_viz(tmp_path: Path) -> Path:
    """Return the folder of the commands of an environment with kedro-viz."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet"]
    installed = subprocess.run([*pip, *PACKAGES], capture_output=True, text=True)
    if installed.returncode != 0:
        pytest.skip(f"kedro-viz cannot be installed: {installed.stderr[-300:]}")
    return environment / "bin"


async def test_answers_are_those_of_kedro_viz(kedro_viz: Path, make_project, recwarn) -> None:
    project = make_project(REGISTRY, catalog=CATALOG, parameters=PARAMETERS)
    built = subprocess.run([kedro_viz / "kedro", "viz", "build"], cwd=project, capture_output=True, text=True)
    expected = project / "build" / "api"
    assert expected.is_dir(), built.stdout + built.stderr
    files = [expected / "main", *expected.glob("pipelines/*"), *expected.glob("nodes/*"), expected / "run-status"]
    assert len(files) > 40
    app = create_http_server(project, store="memory:", viz=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        for file in files:
            answer = await http.get(f"/api/{file.relative_to(expected)}")
            assert unordered(answer.json()) == unordered(_answer_in(file)), file.name


def _answer_in(file: Path) -> Any:
    """Return the answer in a file; kedro-viz writes a whole response for a namespace."""
    found = json.loads(file.read_text())
    return json.loads(found["body"]) if "raw_headers" in found else found


def unordered(tree: Any, key: str = "") -> Any:
    """Return ``tree`` with its lists sorted, except for layers, whose order means something."""
    if isinstance(tree, dict):
        return {name: unordered(value, name) for name, value in tree.items()}
    if not isinstance(tree, list):
        return tree
    items = [unordered(item) for item in tree]
    return items if key == "layers" else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
