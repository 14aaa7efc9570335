"""The project that the pages show: runs that wait for a file, fail and log, typed parameters, and hostile names."""

from pathlib import Path

from project_files import pyproject, write_project

HOSTILE = "<img src=x onerror=alert(1)>"
"""A text that becomes an element if a page does not escape it."""

_REGISTRY = '''
import logging
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, Field, field_validator

from kedro_asgi.pipeline import Pipeline, node, pipeline

HOSTILE = {hostile!r}


class Training(BaseModel):
    """How to train the model."""

    depth: Annotated[int, Field(ge=1, le=12)] = 6
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    loss: Literal["squared", "absolute"] = "squared"
    shuffle: bool = True

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        if depth == 11:
            raise ValueError("must not be 11")
        return depth


class Odd(BaseModel):
    """Values of other kinds."""

    flag: bool | None = None
    either: int | str = 3
    limit: int | None = 7
    weights: dict[str, Annotated[float, Field(ge=0)]] = {{}}
    note: str = Field("x", max_length=5, description="Lower <b>letters</b>")


def tell(odd: Odd, api_key: str, count: int, title: str) -> dict[str, Any]:
    return {{**odd.model_dump(), "count": count, "has key": bool(api_key), "title": title}}


def clean(offers: pd.DataFrame) -> pd.DataFrame:
    logging.getLogger("project").info("cleaning %s offers", len(offers))
    return offers


def train(offers: pd.DataFrame, training: Training, name: str) -> dict[str, Any]:
    return {{"depth": training.depth, "name": name, "rows": len(offers)}}


def score(model: dict[str, Any], offers: pd.DataFrame) -> pd.DataFrame:
    return offers.assign(score=offers["price"] * model["depth"])


def hold(gate: str) -> str:
    logging.getLogger("project").warning("waiting for %s", gate)
    deadline = time.monotonic() + 240
    while not Path({folder!r}, gate).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return gate


def upper(text: str) -> str:
    return text.upper()


def divide(gate: str) -> float:
    logging.getLogger("project").warning("about to divide")
    return len(gate) / 0


def shout(text: str) -> str:
    logging.getLogger("project").error(HOSTILE)
    raise ValueError(HOSTILE)


def join(left: str, right: str) -> str:
    return left + right


def draw(text: str) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.add_subplot().set_title(text)
    return figure


def plot(text: str) -> Any:
    from plotly.graph_objects import Bar, Figure

    return Figure(Bar(x=[text], y=[1]))


def number(text: str) -> list[dict[str, int]]:
    return [{{"id": 2**53 + 1, "n": 1}}]


def story(gate: str) -> Any:
    yield "Once upon a "
    yield "<b>time</b>"
    hold(gate)
    yield {{"the": "end"}}


def same(value: Any) -> Any:
    return value


def chain(n: int) -> tuple[str, str]:
    """Return the input and the output of node ``n``: ten chains of thirty nodes."""
    return f"step_{{n - 10}}" if n > 9 else "params:gate", f"step_{{n}}"


def register_pipelines():
    offers = Pipeline([
        node(clean, "offers", "cleaned", name="clean", tags=["prepare"]),
        node(train, ["cleaned", "params:training", "params:name"], "model", name="train", tags=["fit"]),
        node(score, ["model", "cleaned"], "scores", name="score", tags=["fit"]),
    ])
    held = Pipeline([
        node(hold, "params:gate", "opened", name="wait"),
        node(upper, "opened", "shouted", name="shout"),
    ])
    many = Pipeline([node(same, *chain(n), name=f"node_{{n}}", tags=[f"row_{{n // 10}}"]) for n in range(300)])
    raised = [node(upper, "params:gate", "raised", name="raise"), node(upper, "raised", "twice", name="again")]
    parts = [pipeline(raised, namespace=name, parameters={{"params:gate"}}) for name in ("left", "right")]
    nested = Pipeline([*parts, node(join, ["left.twice", "right.twice"], "joined", name="join", namespace="right")])
    failing = Pipeline([
        node(upper, "params:gate", "first", name="prepare"),
        node(divide, "first", "second", name="divide"),
    ])
    return {{
        "__default__": offers,
        "offers": offers,
        "held": held,
        "failing": failing,
        "hostile": Pipeline([node(shout, "params:gate", HOSTILE, name="hostile")]),
        "many": many,
        "odd/name <b>": Pipeline([node(tell, ["params:odd", "params:api_key", "count", "title"], "told", name="tell")]),
        "nested": nested,
        "pictures": Pipeline([
            node(draw, "params:gate", "picture", name="draw"),
            node(plot, "params:gate", "figure", name="plot"),
        ]),
        "ids": Pipeline([node(number, "params:gate", "rows", name="number")]),
        "story": Pipeline([node(story, "params:gate", "text", name="tell")]),
        "quick": Pipeline([node(upper, "params:gate", "result", name="quick")]),
    }}
'''
_CATALOG = """
offers:
  type: pandas.CSVDataset
  filepath: data/offers.csv
  metadata:
    kedro-viz: {layer: raw, preview_args: {nrows: 2}}
cleaned:
  type: pandas.CSVDataset
  filepath: data/cleaned.csv
"""
# They are due on days on which no test runs.
_SCHEDULES = """
[tool.kedro-asgi.schedules.leap]
cron = "0 6 29 2 *"
timezone = "Europe/Berlin"
pipeline = "quick"

[tool.kedro-asgi.schedules."a <b> & c"]
cron = "0 0 1 1 *"
pipeline = "failing"
"""
_PARAMETERS = """
training: {depth: 6, learning_rate: 0.1, loss: squared, shuffle: true}
name: baseline
gate: opened
odd: {weights: {a: 1}}
api_key: hunter2
"""


def write_served_project(folder: Path) -> Path:
    """Write the project into ``folder``. Runs of ``held`` wait for a file beside it: parameter ``gate`` names it."""
    registry = _REGISTRY.format(hostile=HOSTILE, folder=str(folder.parent))
    return write_project(
        folder,
        {
            "pyproject.toml": pyproject("{package}") + _SCHEDULES,
            "src/{package}/pipeline_registry.py": registry,
            "conf/base/catalog.yml": _CATALOG,
            "conf/base/parameters.yml": _PARAMETERS,
            "data/offers.csv": "crew,price\n4,100\n7,250\n2,80\n",
        },
    )
