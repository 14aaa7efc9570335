from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import UNSET

from kedro_asgi.io.copying import copy_parameters
from kedro_asgi.io.parameters import ParameterView

NESTED = {"a": {"b": [1], "c": {"d": None}}, "e": {}, 1: {2: "n"}, "_h": 0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parameters", NESTED),
        ("params:a", NESTED["a"]),
        ("params:a.b", [1]),
        ("params:a.c.d", None),
        ("params:e", {}),
        ("params:1.2", "n"),
        ("params:_h", 0),
        ("params:a.b.0", UNSET),
        ("params:a.", UNSET),
        ("params:z", UNSET),
        ("a", UNSET),
    ],
)
def test_parameters_are_found_at_every_level(name: str, value: Any) -> None:
    found = ParameterView(NESTED).find(name)
    assert found is value or found == value


def test_all_names_are_listed_in_order() -> None:
    assert ParameterView(NESTED).names() == [
        "parameters",
        *(f"params:{path}" for path in ("a", "a.b", "a.c", "a.c.d", "e", "1", "1.2", "_h")),
    ]


@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        ({"x.y": 7, "x": {"y": 8}}, 8),
        ({"x": {"y": 8}, "x.y": 7}, 7),
        ({"x": {"y": {"z": 1}}, "x.y": 7}, 7),
        ({"x.y": 7, "x": {"z": 8}}, 7),
    ],
)
def test_the_later_of_two_spellings_of_a_name_wins(parameters: dict[str, Any], value: int) -> None:
    view = ParameterView(parameters)
    assert view.find("params:x.y") == view.flat()["params:x.y"] == value


def test_every_listed_name_is_found() -> None:
    view = ParameterView({"x.y": {"z": 1, "w.v": 2}, "x": {"y": 3, "y.z": 4}, 5: {"a": {6: 7}}})
    assert {name: view.find(name) for name in view.names()} == view.flat()


@dataclass
class Model:
    rate: float
    inner: Any = None


def test_fields_of_models_are_found_like_keys() -> None:
    view = ParameterView({"m": Model(1.0, {"k": Model(2.0)}), "l": [Model(3.0)]})
    assert view.find("params:m.rate") == 1.0
    assert view.find("params:m.inner.k.rate") == 2.0
    assert view.find("params:m.nope") is UNSET
    assert view.find("params:l.rate") is UNSET
    assert view.names() == [
        "parameters",
        *(f"params:{path}" for path in ("m", "m.rate", "m.inner", "m.inner.k")),
        *(f"params:{path}" for path in ("m.inner.k.rate", "m.inner.k.inner", "l")),
    ]


def test_models_by_path_are_found_first() -> None:
    view = ParameterView({"m": Model(1.0, {"rate": 2})}, {"m.inner": Model(2.0)})
    assert view.find("params:m.inner") == Model(2.0)
    assert view.find("params:m") == Model(1.0, {"rate": 2})
    assert view.flat()["params:m.inner"] == Model(2.0)


@pytest.mark.parametrize(
    ("name", "expected"), [("params:x.y", True), ("params:x.z", False), ("params:x", False), ("x.y", False)]
)
def test_names_with_two_spellings_are_ambiguous(name: str, expected: bool) -> None:
    assert ParameterView({"x.y": 1, "x": {"y": 2, "z": 3}}).is_ambiguous(name) is expected


def test_a_copy_of_parameters_shares_nothing_that_can_change() -> None:
    model = Model(1.0, {"k": [1]})
    parameters: dict[Any, Any] = {"a": 1, "b": {"c": [1, {"d": 2}]}, 5: (1, [2]), "m": model}
    made = copy_parameters(parameters)
    assert made == parameters
    made["b"]["c"][1]["d"] = 3
    made[5][1].append(3)
    made["m"].inner["k"].append(2)
    assert parameters == {"a": 1, "b": {"c": [1, {"d": 2}]}, 5: (1, [2]), "m": Model(1.0, {"k": [1]})}
