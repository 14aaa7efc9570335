"""Validators of datasets behave as in Kedro."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from both_engines.comparison import without_hints

pytestmark = pytest.mark.slow

MACHINE = Path(__file__).with_name("validators_machine.py")

# Ours ends some sentences differently, and names schemas by their path in the catalog.
SAME_WORDS = (
    (r"\. Check that the class path is correct.*$", "."),
    (r"\(validator: (pandera\.|validator_targets\.(schema|coercing)).*?\)", "(validator: <schema>)"),
    (r"<Check \w+: (.*?)>", r"\1"),
    (r"(cannot accept options \[.*?\]).*$", r"\1"),
    (r"pandera validator '.*?'", "pandera validator <schema>"),
    # Ours has a class of its own for data that was never saved, derived from DatasetError.
    (r"^MissingDataError$", "DatasetError"),
)
DIFFERENT = (
    # Ours has its own words.
    "declarations / 1 [] / message",
    "declarations / 2 ['validator_targets.twice'] / message",
    "declarations / 21 {'class': 'validator_targets.Wrapping', True: 'save', 'on': 'load'} / message",
    "targets /  / ",
    "targets / positive / ",
    # Ours shows an example for the first failure of a pandera schema.
    "frames / {'class': 'validator_targets.schema', 'options': {'lazy': False}}",
    # Ours validates data of another version again: saving validated other data.
    "files / another version",
    # Ours sets the cause of other errors.
    "names / None / cause",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("validators")
    return [without_hints(_outcomes(engine, folder)) for engine in ("kedro", "kedro_asgi")]


def _outcomes(engine: str, folder: Path) -> dict[str, Any]:
    target = folder / f"{engine}.json"
    subprocess.run([sys.executable, str(MACHINE), engine, str(target)], check=True, capture_output=True, timeout=240)
    found: dict[str, Any] = json.loads(target.read_text())
    return found


def _different(theirs: Any, ours: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        for key in theirs:
            yield from _different(theirs[key], ours[key], f"{at} / {key}" if at else key)
    elif _worded(theirs) != _worded(ours):
        yield at, theirs, ours


def _worded(value: Any) -> Any:
    text = json.dumps(value)
    if not isinstance(value, str):
        return text
    for pattern, replacement in SAME_WORDS:
        value = re.sub(pattern, replacement, value, flags=re.DOTALL)
    return value


@pytest.mark.parametrize(
    "part", ["targets", "declarations", "failing", "bad", "switched", "names", "files", "results", "frames", "runs"]
)
def test_validation_does_what_kedro_does(outcomes: list[dict[str, Any]], part: str) -> None:
    theirs, ours = outcomes
    found = list(_different(theirs[part], ours[part], part))
    expected = tuple(prefix for prefix in DIFFERENT if prefix.startswith(f"{part} / "))
    assert [difference for difference in found if not difference[0].startswith(expected)] == []
    assert [prefix for prefix in expected if not any(at.startswith(prefix) for at, _, _ in found)] == []


def test_errors_have_kedros_types(outcomes: list[dict[str, Any]]) -> None:
    for found in outcomes:
        assert found["failing"]["validator_targets.positive"]["save"]["error"] == "DataValidationError"
        assert found["targets"]["validator_targets.nope"]["save"]["error"] == "ValidationConfigurationError"
        assert found["declarations"]["0 5"]["error"] == "ValidationConfigurationError"
