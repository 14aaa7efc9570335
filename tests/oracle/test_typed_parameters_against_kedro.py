"""Typed parameters become the same values, or fail with the same errors, as in Kedro."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from both_engines.comparison import without_hints
from both_engines.drawing import draw
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

MACHINE = Path(__file__).with_name("typed_parameters_machine.py")
NAMES = ["a", "b", "c"]

# Kedro logs that it cannot read these hints and passes raw values, or it counts arguments instead of naming them.
BETTER_HERE = {
    "object": "{'m': <class '__main__.Model'>}",
    "partial": "{'m': <class '__main__.Model'>}",
    "unreadable": "{'m': <class '__main__.Model'>}",
    "skipping": "{'m': '__main__.Model | None'}",
}

paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(".".join)
kinds = st.sampled_from(["Data", "Model", "Optional[Data]", "Model | None", "Checking", "Strict", "int"])
fields = st.dictionaries(
    st.sampled_from(["lr", "lr", "n", "zz", *NAMES]), st.sampled_from([0.5, 1, "2", "abc", None, 7]), max_size=2
)
values = st.one_of(fields, st.just({"lr": 0.5}), st.just({"lr": 2}), st.sampled_from([None, 5, [1]]))
trees = st.recursive(values, lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=3), max_leaves=5)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Draw hints, and parameters that mostly have a value for each hint, nested or under one key with dots."""
    wishes = draw(st.lists(st.tuples(paths, kinds), min_size=1, max_size=3))
    raw = draw(st.dictionaries(paths, trees, max_size=2))
    for path, _ in wishes:
        if not draw(st.integers(0, 5)):
            continue
        value, keys = draw(values), path.split(".")
        if draw(st.integers(0, 5)):
            for key in reversed(keys[1:]):
                value = {key: value}
            raw[keys[0]] = value
        else:
            raw[path] = value
    return {"wishes": wishes, "raw": raw}


def _outcomes(engine: str, folder: Path, wishes: list[dict[str, Any]]) -> dict[str, Any]:
    target = folder / f"{engine}.json"
    subprocess.run(
        [sys.executable, str(MACHINE), engine, str(target)],
        input=json.dumps(wishes),
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
    )
    found: dict[str, Any] = json.loads(target.read_text())
    return found


@pytest.fixture(scope="module", params=[400, pytest.param(4000, marks=pytest.mark.slow)])
def wishes(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return draw(cases(), request.param)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, wishes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("typed")
    return [without_hints(_outcomes(engine, folder, wishes)) for engine in ("kedro", "kedro_asgi")]


def _differences(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    assert theirs.keys() == ours.keys()
    return {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}


def test_every_kind_of_hint_with_every_kind_of_value(outcomes: list[dict[str, Any]]) -> None:
    theirs, ours = (found["hints"] for found in outcomes)
    assert _differences(theirs, ours) == {}
    assert sum("error" in outcome for outcome in theirs.values()) > 50


def test_every_kind_of_function(outcomes: list[dict[str, Any]]) -> None:
    theirs, ours = (found["functions"] for found in outcomes)
    assert set(_differences(theirs, ours)) == set(BETTER_HERE)
    assert {name: str(ours[name]["types"]).replace('"', "") for name in BETTER_HERE} == {
        name: f"{{'m': {types[6:-1]}}}".replace("''", "'") for name, types in BETTER_HERE.items()
    }


def test_random_parameters_with_random_wishes(outcomes: list[dict[str, Any]], wishes: list[dict[str, Any]]) -> None:
    theirs, ours = (found["wishes"] for found in outcomes)
    different = [
        (case, *pair)
        for case, *pair in zip(wishes, theirs, ours, strict=True)
        if pair[0] != pair[1] and not _differs_on_purpose(case)
    ]
    assert different == []
    failed = sum("error" in outcome for outcome in theirs)
    assert len(wishes) / 4 < failed < len(wishes) * 3 / 4


def _differs_on_purpose(case: dict[str, Any]) -> bool:
    """Whether one hint is within another: with Kedro, the order decides whether that is an error."""
    asked = [path for path, kind in case["wishes"] if kind != "int"]
    return any(inner.startswith(f"{outer}.") for inner in asked for outer in asked)


def test_nodes_hooks_and_catalogs_of_a_project(outcomes: list[dict[str, Any]]) -> None:
    theirs, ours = (found["runs"] for found in outcomes)
    assert _differences(theirs, ours) == {}
    assert theirs["typed"]["values"]["changed"].startswith("M(lr=0.5, inner=Inner(q=7")
    assert theirs["typed"]["values"]["shown_0"] == theirs["typed"]["values"]["changed"]
    assert theirs["typed, wrong values"]["error"] == "ParameterValidationError"
