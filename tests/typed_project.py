"""A project whose nodes have types of many kinds: its OpenAPI document has schemas of its own."""

TYPED = """
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal, TypedDict
import msgspec, pydantic
from kedro_asgi.pipeline import Pipeline, node, pipeline

def add(x, y):
    return x + y

def double(x):
    return 2 * x

@dataclass
class Model:
    depth: int
    rate: float

class Order(pydantic.BaseModel):
    id: int = pydantic.Field(ge=1)
    tree: "Order | None" = None

class Kind(Enum):
    FAST = "fast"
    SLOW = "slow"

class Row(TypedDict):
    n: int

class Offer(msgspec.Struct):
    price: Annotated[float, msgspec.Meta(gt=0)]
    pair: tuple[int, str] | None = None

def score(
    rows: list[Row], order: Order, offer: Offer, model: Model, kind: Kind, limit: Literal[1, "none", None]
) -> dict[str, float]:
    return {"total": sum(row["n"] for row in rows) * offer.price + model.depth}

def one() -> int:
    return 1

def register_pipelines():
    calc = Pipeline([node(add, ["params:a", "params:b"], "s", name="add"), node(double, "s", "d", name="double")])
    inputs = ["rows", "my order", "offer", "params:model", "params:options.kind", "params:limit"]
    scores = Pipeline([node(score, inputs, "scores", name="score")])
    return {
        "__default__": calc,
        "score it!": pipeline(scores, namespace="shop.eu", parameters={"model": "model"}),
        "constant": Pipeline([node(one, None, "one", name="one")]),
        "run": calc,
        "é": calc,
        "empty": Pipeline([]),
    }
"""
PARAMETERS = """
a: 1
b: 2
model: {depth: 3, rate: 0.5}
shop.eu: {options: {kind: fast}, limit: 1}
"""
