"""``only_missing_outputs`` runs the same nodes as Kedro, in every state of a small pipeline."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MACHINE = Path(__file__).parent / "missing_outputs_machine.py"


def states(engine: str, folder: Path) -> dict[str, list[list[str]]]:
    target = folder / f"{engine}.json"
    subprocess.run([sys.executable, str(MACHINE), engine, str(target)], check=True, capture_output=True, timeout=240)
    found: dict[str, list[list[str]]] = json.loads(target.read_text())
    return found


@pytest.mark.slow
def test_the_same_nodes_run_in_every_state(tmp_path: Path) -> None:
    theirs, ours = states("kedro", tmp_path), states("kedro_asgi", tmp_path)
    assert len(theirs) == 256
    assert {state: found for state, found in ours.items() if found != theirs[state]} == {}
