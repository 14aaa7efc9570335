"""Type hints as JSON Schema."""

import dataclasses
import datetime
import enum
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pandera.typing as pt
import polars as pl
import pydantic
import pytest

from kedro_asgi.signatures import Definitions
from kedro_asgi.signatures.hint_schemas import hint_schema

ANY_RECORDS = {"type": "array", "items": {"type": "object", "additionalProperties": True}}


class Row(TypedDict):
    n: int


class Kind(enum.Enum):
    FAST = "fast"


class Tree(msgspec.Struct):
    children: list["Tree"] = []


@dataclasses.dataclass
class Point:
    x: int


class Order(pydantic.BaseModel):
    id: int = pydantic.Field(ge=1)


class Sales(pa.DataFrameModel):
    """A schema of rows."""

    n: int = pa.Field(ge=0, le=9)
    shop: str = pa.Field(isin=["a", "b"], nullable=True)
    day: datetime.datetime
    note: str | None

    class Config:
        strict = True


class BrokenModel(pa.DataFrameModel):
    @classmethod
    def to_schema(cls) -> Any:
        raise RuntimeError("code of a project")


class Unknown:
    pass


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (float, {"type": "number"}),
        (Annotated[int, msgspec.Meta(ge=1)], {"type": "integer", "minimum": 1}),
        (Annotated[int, pydantic.Field(ge=1)], {"type": "integer", "minimum": 1}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (datetime.date | None, {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
        (Any, {}),
        ("a note, no type", {}),
        (pd.DataFrame, ANY_RECORDS),
        (pl.LazyFrame, ANY_RECORDS),
        (dict[str, pd.DataFrame], {"type": "object", "additionalProperties": ANY_RECORDS}),
        (np.ndarray, {"type": "array", "items": {}}),
        (pt.DataFrame[BrokenModel], ANY_RECORDS),
        (list[Unknown], {"type": "array", "items": {"title": "Unknown"}}),
        # Python knows this pattern, and JSON Schema does not.
        (Annotated[str, msgspec.Meta(pattern=r"a\Z")], {}),
    ],
)
def test_a_hint_has_a_schema(hint: Any, schema: dict[str, Any]) -> None:
    assert hint_schema(hint) == schema


@pytest.mark.parametrize("hint", [Row, Kind, Tree, Point, list[Order], dict[str, Order]])
def test_a_class_is_described_under_its_name(hint: Any) -> None:
    assert list(hint_schema(hint)["$defs"]) in (["Row"], ["Kind"], ["Tree"], ["Point"], ["Order"])


def test_a_schema_of_pandera_describes_the_columns() -> None:
    row = hint_schema(pt.DataFrame[Sales])["items"]
    assert row["properties"] == {
        "n": {"type": "integer", "minimum": 0, "maximum": 9},
        "shop": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]},
        "day": {"type": "string", "format": "date-time"},
        "note": {"type": "string"},
    }
    assert (row["required"], row["additionalProperties"]) == (["n", "shop", "day"], False)


def test_classes_that_share_a_name_are_kept_apart() -> None:
    first, second = ({"$ref": "#/$defs/A", "$defs": {"A": {"type": kind}}} for kind in ("string", "number"))
    definitions = Definitions("#/components/schemas/", reserved=["a"])
    assert definitions.take(first) == {"$ref": "#/components/schemas/A2"}
    assert definitions.take(second) == {"$ref": "#/components/schemas/A3"}
    assert definitions.take(first) == {"$ref": "#/components/schemas/A2"}
    assert definitions.schemas == {"A2": {"type": "string"}, "A3": {"type": "number"}}
