"""Plain inputs become what the type hints of nodes ask for, where the catalog leaves it open."""

import dataclasses
import datetime
import enum
from pathlib import Path
from typing import Annotated, Any, TypedDict

import msgspec
import pandas as pd
import pandera.pandas as pa
import pandera.typing as pt
import polars as pl
import pyarrow
import pydantic
import pytest

from kedro_asgi.errors import InputTypeError
from kedro_asgi.io import DataCatalog
from kedro_asgi.io.input_types import input_type


class Order(pydantic.BaseModel):
    id: int = pydantic.Field(ge=1)


class Offer(msgspec.Struct):
    price: float


@dataclasses.dataclass
class Point:
    x: int


class Kind(enum.Enum):
    FAST = "fast"


class Row(TypedDict):
    n: int


class Sales(pa.DataFrameModel):
    day: datetime.datetime
    n: int


class Unknown:
    pass


def converted(hint: Any, value: Any) -> Any:
    catalog = DataCatalog()
    catalog.inject("x", value, expected=input_type([hint]))
    return catalog.load("x")


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (Order, {"id": 1}, Order(id=1)),
        (list[Order], [{"id": 1}], [Order(id=1)]),
        (Offer | None, {"price": 2}, Offer(2.0)),
        (dict[str, Point], {"a": {"x": 1}}, {"a": Point(1)}),
        (Kind, "fast", Kind.FAST),
        (datetime.date, "2026-11-21", datetime.date(2026, 11, 21)),
        (tuple[int, Annotated[str, "note"]], [1, "a"], (1, "a")),
        (Row, {"n": "not checked here"}, {"n": "not checked here"}),
        (dict[str, Any], {"a": 1}, {"a": 1}),
        (int, "text", "text"),
        (list[Unknown], [1], [1]),
        ("a note, no type", [1], [1]),
    ],
)
def test_a_value_becomes_what_a_hint_names(hint: Any, value: Any, expected: Any) -> None:
    assert converted(hint, value) == expected


def test_records_become_the_frame_that_a_hint_names() -> None:
    rows = [{"day": "2026-11-21", "n": 1}]
    assert type(converted(pd.DataFrame, rows)) is pd.DataFrame
    assert type(converted(pl.LazyFrame | None, rows)) is pl.LazyFrame
    assert converted(pyarrow.Table, rows).to_pylist() == rows
    frame = converted(pt.DataFrame[Sales], rows)
    assert str(frame["day"].dtype).startswith("datetime64")


def test_a_value_that_does_not_fit_is_an_error_that_names_the_input() -> None:
    with pytest.raises(InputTypeError, match="Input 'x' cannot become Offer, which a node expects: .*price"):
        converted(Offer, {"price": "free"})
    with pytest.raises(InputTypeError, match="Order"):
        converted(list[Order], [{"id": 0}])


def test_nodes_that_do_not_agree_take_the_value_as_it_is() -> None:
    assert input_type([Order, Offer]) is None
    assert input_type([Order, dict]) is None
    assert input_type([Order, Order]) == input_type([Order])
    assert input_type([]) is None


def test_the_catalog_decides_before_a_hint_does(tmp_path: Path) -> None:
    entries = {
        "kept": {"type": "json.JSONDataset", "filepath": str(tmp_path / "x.json")},
        "plain": {"type": "MemoryDataset", "metadata": {"kedro_asgi": {"input": "plain"}}},
        "open": {"type": "MemoryDataset"},
    }
    catalog = DataCatalog.from_config(entries)
    for name in entries:
        catalog.inject(name, {"price": 1}, expected=input_type([Offer]))
    assert catalog.load("kept") == catalog.load("plain") == {"price": 1}
    assert catalog.load("open") == Offer(1.0)
