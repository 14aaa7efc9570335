"""Parameters of a run over shared ones."""

import pickle
from copy import copy, deepcopy
from typing import Any

import pytest

from kedro_asgi.config.interpolation.overlaid import OverlaidParameters

BELOW: dict[Any, Any] = {"a": 1, 5: {"x": [1]}}
ABOVE: dict[Any, Any] = {"b": 2, "a": 3}


def test_values_above_take_the_place_of_those_below() -> None:
    both = OverlaidParameters(BELOW, ABOVE)
    assert list(both.items()) == [("a", 3), (5, {"x": [1]}), ("b", 2)]
    assert (both.get("a"), both[5] is BELOW[5], "b" in both, "c" in both, len(both)) == (3, True, True, False, 3)
    assert repr(both) == "{'a': 3, 5: {'x': [1]}, 'b': 2}"


@pytest.mark.parametrize("duplicate", [copy, deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_copies_are_plain_dicts(duplicate: Any) -> None:
    made = duplicate(OverlaidParameters(BELOW, ABOVE))
    assert (type(made), made) == (dict, {"a": 3, 5: {"x": [1]}, "b": 2})


def test_a_deep_copy_shares_nothing() -> None:
    deepcopy(OverlaidParameters(BELOW, ABOVE))[5]["x"].append(2)
    assert BELOW[5] == {"x": [1]}
