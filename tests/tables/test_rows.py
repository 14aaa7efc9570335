"""Rows: which values can be joined, and what becomes of them."""

import json
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest

from kedro_asgi.tables.rows import join_rows, rows_of, split_rows


def kind(value: Any) -> object:
    found = rows_of(value)
    assert found is not None
    return found.kind


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ([{"a": 1}, {"a": 2}], 2),
        ([1.5, 2.5, 3.5], 3),
        ([[1, 2]], 1),
        ({"a": [1, 2], "b": ["x", None]}, 2),
        (pd.DataFrame({"a": [1, 2]}), 2),
        (pd.Series([1, 2, 3]), 3),
        (pl.DataFrame({"a": [1]}), 1),
        (np.zeros((4, 2)), 4),
    ],
)
def test_rows_are_counted(value: Any, count: int) -> None:
    found = rows_of(value)
    assert found is not None
    assert found.count == count


@pytest.mark.parametrize(
    "value",
    [
        *([], {}, None, 3, "text", {"a": 1}, {"a": [1], "b": [1, 2]}, [{"a": 1}, {"b": 1}], [{"a": 1}, 2]),
        *(np.array(3), pl.LazyFrame({"a": [1]}), pd.DataFrame()),
    ],
)
def test_a_value_without_rows_that_could_be_joined_has_none(value: Any) -> None:
    assert rows_of(value) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([{"a": 1}], [{"a": 1.0}]),
        ([{"a": 1}], [{"a": True}]),
        ([{"a": 1}], [{"a": None}]),
        ([{"a": 1}], [{"b": 1}]),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
        ([{"a": 1}], [{"a": 2**53 + 1}]),
        ([{"a": 2**53 + 1}], [{"a": 2**63}]),
        ([{"a": [1, 2]}], [{"a": [1, 2, 3]}]),
        ([{"a": {"b": 1}}], [{"a": {"b": "1"}}]),
        ([[1, 2]], [[1, 2, 3]]),
        ([{"a": 1}], {"a": [1]}),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}, index=["x"])),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["1"]})),
        (np.zeros((1, 2)), np.zeros((1, 3))),
        (np.zeros(1), np.zeros(1, dtype="int64")),
    ],
)
def test_rows_of_different_kinds_are_not_joined(one: Any, other: Any) -> None:
    assert kind(one) != kind(other)


def test_rows_of_a_kind_are_told_whatever_their_number() -> None:
    assert kind([{"a": 1, "b": "x"}]) == kind([{"a": 2, "b": "y"}, {"b": "z", "a": 3}])
    assert kind([{"a": 1}, {"a": None}]) == kind([{"a": None}, {"a": 5}, {"a": 6}])


@pytest.mark.parametrize(
    "values",
    [
        [[{"a": 1}], [{"a": 2}, {"a": 3}]],
        [{"a": [1]}, {"a": [2, 3]}],
        [[1.5], [2.5, 3.5]],
    ],
)
def test_plain_values_are_joined_and_split(values: list[Any]) -> None:
    joined = join_rows(values)
    assert split_rows(joined, [1, 2]) == values
    encoded = split_rows(msgspec.Raw(json.dumps(joined).encode()), [1, 2])
    assert encoded is not None
    assert [msgspec.json.decode(part) for part in encoded] == values


@pytest.mark.parametrize("index", [None, ["x", "y", "z"]])
def test_frames_of_pandas_are_joined_and_split(index: list[str] | None) -> None:
    whole = pd.DataFrame({"a": [1, 2, 3], "b": pd.Categorical(["x", "y", "x"])}, index=index)
    values = [whole.iloc[:1], whole.iloc[1:]]
    if index is None:
        values = [value.reset_index(drop=True) for value in values]
    joined = join_rows(values)
    pd.testing.assert_frame_equal(joined, whole)
    parts = split_rows(joined, [1, 2])
    assert parts is not None
    for part, value in zip(parts, values, strict=True):
        pd.testing.assert_frame_equal(part, value)


def test_frames_of_polars_and_arrays_are_joined_and_split() -> None:
    frames = [pl.DataFrame({"a": [1], "b": ["x"]}), pl.DataFrame({"a": [2, 3], "b": ["y", "z"]})]
    parts = split_rows(join_rows(frames), [1, 2])
    assert parts is not None
    assert all(part.equals(frame) for part, frame in zip(parts, frames, strict=True))
    arrays = [np.array([[1, 2]]), np.array([[3, 4], [5, 6]])]
    assert [part.tolist() for part in split_rows(join_rows(arrays), [1, 2]) or ()] == [a.tolist() for a in arrays]


@pytest.mark.parametrize(
    "value",
    [[1, 2], {"a": [1, 2]}, {"a": 1}, {}, 3, None, pd.DataFrame({"a": [1]}), np.zeros(2), msgspec.Raw(b"[1,2]")],
)
def test_a_value_with_another_number_of_rows_is_not_split(value: Any) -> None:
    assert split_rows(value, [1, 2]) is None


@pytest.mark.parametrize("content", [b"3", b'"text"', b"null", b'{"a":[1,2,3],"b":1}', b'{"a":{"x":[1,2,3]}}'])
def test_json_without_rows_is_not_split(content: bytes) -> None:
    assert split_rows(msgspec.Raw(content), [1, 2]) is None


def test_json_is_cut_and_not_written_anew() -> None:
    parts = split_rows(msgspec.Raw(b'[{"a":1.50,"b":"y"},{"a":1e2,"b":"x"}]'), [1, 1])
    assert [msgspec.json.encode(part) for part in parts or ()] == [b'[{"a":1.50,"b":"y"}]', b'[{"a":1e2,"b":"x"}]']


def test_json_with_half_a_surrogate_pair_is_split() -> None:
    parts = split_rows(msgspec.Raw(b'[{"a":"\\ud800"},{"a":"x"}]'), [1, 1])
    assert [json.loads(msgspec.json.encode(part)) for part in parts or ()] == [[{"a": "\ud800"}], [{"a": "x"}]]
