"""A project whose pipelines take rows: they score them, and some refuse, drop, sort or save some.

A row whose key begins with ``gate`` holds its run until a test makes a file of that name.
"""

from pathlib import Path

from project_files import write_project

_REGISTRY = '''
import logging
import os
import time
from pathlib import Path
import pandas as pd
from kedro_asgi.pipeline import Pipeline, node

FOLDER = Path("{folder}")

def note(keys):
    """Write down how many rows a call got, and wait for its gates."""
    with (FOLDER / "calls").open("a") as file:
        file.write(f"{len(keys)}\\n")
    deadline = time.monotonic() + 180
    for gate in (key for key in keys if str(key).startswith("gate")):
        while not (FOLDER / gate).exists() and time.monotonic() < deadline:
            time.sleep(0.002)

def noted(func):
    def noting(rows):
        note([row["key"] for row in rows])
        return func(rows)
    noting.__name__ = func.__name__
    return noting

@noted
def score(rows):
    logging.getLogger("project").warning("rows: %s", rows)
    return [{"key": row["key"], "score": 2 * row["x"]} for row in rows]

def score_frame(rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    note(rows["key"].tolist())
    return pd.DataFrame({"key": rows["key"], "score": rows["x"] * factor})

@noted
def count(rows):
    return [len(rows)] * len(rows)

@noted
def centred(rows):
    mean = sum(row["x"] for row in rows) / len(rows)
    return [row["x"] - mean for row in rows]

def echo(rows):
    return rows

@noted
def strict(rows):
    if bad := [row["key"] for row in rows if row["x"] < 0]:
        raise ValueError(f"negative: {bad[0]}")
    return rows

@noted
def one_only(rows):
    if len(rows) > 1:
        raise ValueError("one row at a time")
    return rows

@noted
def dropped(rows):
    return [row for row in rows if row["x"] >= 0]

@noted
def in_order(rows):
    return sorted(rows, key=lambda row: -row["x"])

@noted
def crash(rows):
    if any(row["x"] < 0 for row in rows):
        os._exit(1)
    return rows

def same(rows):
    return rows

def after(rows):
    (FOLDER / "after").touch()
    return rows

def register_pipelines():
    def one(func):
        return Pipeline([node(func, "rows", "scores", name=func.__name__)])

    return {
        "predict": one(score),
        "frames": Pipeline([node(score_frame, ["rows", "params:factor"], "scores", name="score_frame")]),
        "strict": one(strict),
        "one_only": one(one_only),
        "dropped": one(dropped),
        "in_order": one(in_order),
        "count": one(count),
        "crash": one(crash),
        "centred": one(centred),
        "echo": one(echo),
        "two": Pipeline([
            node(noted(same), "rows", "kept", name="first"),
            node(after, "kept", "scores", name="second"),
        ]),
        "saving": Pipeline([node(score, "rows", "saved", name="save")]),
    }
'''

_CATALOG = """
saved:
  type: json.JSONDataset
  filepath: data/saved.json
"""

PIPELINES = (
    "predict",
    "frames",
    "strict",
    "one_only",
    "dropped",
    "in_order",
    "count",
    "crash",
    "centred",
    "echo",
    "two",
)


def write_predicting_project(folder: Path) -> Path:
    """Write the project into ``folder``; its nodes write and read files beside it."""
    return write_project(
        folder,
        {
            "src/{package}/pipeline_registry.py": _REGISTRY.replace("{folder}", str(folder)),
            "conf/base/catalog.yml": _CATALOG,
            "conf/base/parameters.yml": "factor: 2.0\n",
        },
    )
