"""A project whose pipelines take and give what tensors can stand for, and requests of the Open Inference Protocol.

Its pipeline ``held`` waits until the test makes a file ``opened`` in the project.
"""

import json
from pathlib import Path
from typing import Any

import httpx

from project_files import write_project

_REGISTRY = """
import time
from pathlib import Path
from typing import Any, TypedDict
import numpy as np
import pandas as pd
from kedro_asgi.pipeline import Pipeline, node

FOLDER = Path("{folder}")

class Row(TypedDict):
    amount: float | None
    kind: str

class Score(TypedDict):
    score: float
    is_large: bool
    kind: str

def predict(features: list[Row], factor: float) -> list[Score]:
    found = []
    for row in features:
        score = None if row["amount"] is None else row["amount"] * factor
        found.append({"score": score, "is_large": (score or 0) > 100, "kind": row["kind"]})
    return found

def predict_frame(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    return pd.DataFrame({"score": frame["amount"] * factor, "kind": frame["kind"].str.upper()})

def multiply(matrix: np.ndarray, vector: list[float], threshold: int) -> np.ndarray:
    product = np.asarray(matrix, dtype=float) @ np.asarray(vector)
    return np.where(product > threshold, product, 0.0)

def describe(product: np.ndarray) -> dict[str, Any]:
    return {"largest": float(np.max(product)), "at": int(np.argmax(product))}

def same(anything):
    return anything

def fail(anything):
    raise ValueError("no answer")

def hold(anything):
    deadline = time.monotonic() + 60
    while not (FOLDER / "opened").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    return anything

def register_pipelines():
    return {
        "__default__": Pipeline([node(same, "anything", "echoed", name="same")]),
        "echo": Pipeline([node(same, "anything", "echoed", name="same")]),
        "predict": Pipeline([node(predict, ["features", "params:model.factor"], "predictions", name="predict")]),
        "frames": Pipeline([node(predict_frame, ["frame", "params:model.factor"], "predictions", name="frames")]),
        "shop/multiply": Pipeline([
            node(multiply, ["matrix", "vector", "threshold"], "product", name="multiply"),
            node(describe, "product", "about", name="describe"),
        ]),
        "fail": Pipeline([node(fail, "anything", "echoed", name="fail")]),
        "held": Pipeline([
            node(hold, "anything", "held", name="hold"), node(same, "held", "echoed", name="same")
        ]),
        "empty": Pipeline([]),
    }
"""


def write_inferring_project(folder: Path, *, section: str = "") -> Path:
    """Write the project into ``folder``; ``section`` is added to its ``pyproject.toml``."""
    project = write_project(
        folder,
        {
            "src/{package}/pipeline_registry.py": _REGISTRY.replace("{folder}", str(folder)),
            "conf/base/parameters.yml": "model: {factor: 2.0, name: usual}\n",
        },
    )
    with (project / "pyproject.toml").open("a") as file:
        file.write(section)
    return project


def tensor(name: str, datatype: str, data: list[Any], *, shape: list[int] | None = None, **parameters: Any) -> Any:
    """Return a tensor of a request, whose values are JSON."""
    found = {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data}
    return {**found, "parameters": parameters} if parameters else found


def with_bytes(request: dict[str, Any], *parts: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a request whose inputs are, in order, these bytes."""
    inputs = [
        {**found, "parameters": {**found.get("parameters", {}), "binary_data_size": len(part)}}
        for found, part in zip(request["inputs"], parts, strict=True)
    ]
    content = json.dumps({**request, "inputs": inputs}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(content))}
    return b"".join([content, *parts]), headers


FEATURES = [tensor("amount", "FP32", [1, 60.5]), tensor("kind", "BYTES", ["a", "ü"])]


def outputs(answer: httpx.Response) -> dict[str, Any]:
    """Return the data of an answer by the names of its tensors."""
    assert answer.status_code == 200, answer.text
    return {found["name"]: found["data"] for found in answer.json()["outputs"]}


def error(answer: httpx.Response, status: int = 400) -> str:
    """Return the error in an answer of the protocol."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    assert answer.json().keys() <= {"error", "run_id"}
    found: str = answer.json()["error"]
    return found
