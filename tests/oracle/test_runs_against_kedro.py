"""Random pipelines on runners: the same results, order of hooks, releases and hints as in Kedro."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from both_engines.drawing import seed_of

MACHINE = Path(__file__).parent / "runs_machine.py"
RUNNERS = [
    ("SequentialRunner", {}),
    ("SequentialRunner", {}),
    ("SequentialRunner", {"is_async": True}),
    ("ThreadRunner", {"max_workers": 1}),
    ("ThreadRunner", {"max_workers": 3}),
]
KINDS = ("plain",) * 20 + ("chunks", "fails", "breaks", "nothing")


@pytest.mark.slow
def test_random_pipelines_run_as_they_do_in_kedro(tmp_path: Path) -> None:
    compare(120, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_pipelines_run_as_they_do_in_kedro(tmp_path: Path) -> None:
    compare(6000, folder=tmp_path)


def compare(count: int, *, folder: Path) -> None:
    seed = seed_of(count)
    drawn = random.Random(seed)
    cases = [case(drawn) for _ in range(count)]
    (folder / "cases.json").write_text(json.dumps(cases))
    ours, theirs = outcomes("kedro_asgi", folder), outcomes("kedro", folder)
    problems = [
        (asked, our, their)
        for asked, our, their in zip(cases, ours, theirs, strict=True)
        if comparable(asked, our) != comparable(asked, their)
    ]
    smallest = min(problems, key=lambda problem: len(json.dumps(problem[0])), default=None)
    assert smallest is None, f"{len(problems)} of {count} differ (seed {seed}); " + "\n".join(map(json.dumps, smallest))
    assert sum("result" in their for their in theirs) > count // 3, "too few of the runs succeed"
    assert sum("from-nodes" in str(their["log"]) for their in theirs) > count // 10, "too few of the runs fail midway"


def outcomes(engine: str, folder: Path) -> list[dict[str, Any]]:
    target = folder / f"{engine}.json"
    line = [sys.executable, str(MACHINE), engine, str(folder / "cases.json"), str(target)]
    subprocess.run(line, check=True, capture_output=True, timeout=3000)
    found: list[dict[str, Any]] = json.loads(target.read_text())
    return found


def case(drawn: random.Random) -> dict[str, Any]:
    """Draw nodes that read the outputs of earlier nodes and some free inputs, and datasets for some names."""
    known = [f"i{n}" for n in range(3)]
    nodes = []
    # For ours, links between formats count for missing outputs.
    only_missing = drawn.random() < 0.3
    for number in range(drawn.randint(1, 8)):
        written = [f"d{number}{letter}" for letter in "ab"[: drawn.choice((1, 1, 1, 2))]]
        if not only_missing and drawn.random() < 0.15:
            written = [f"{name}@w" for name in written]
        read = drawn.sample(known, min(len(known), drawn.choice((1, 1, 2, 3))))
        confirms = drawn.sample(read, 1) if drawn.random() < 0.05 else []
        nodes.append(
            {
                # The names must not reveal the order.
                "name": f"n{drawn.randrange(1000):03}x{number}",
                "inputs": read,
                "outputs": written,
                "kind": drawn.choice(KINDS),
                "confirms": confirms,
            }
        )
        known += written
        known += [name.replace("@w", "@r") for name in written if "@" in name]
    confirmed = [name for node in nodes for name in node["confirms"]]
    for node in nodes:
        node["confirms"] = [name for name in node["confirms"] if confirmed.count(name) == 1]
    runner, arguments = drawn.choice(RUNNERS)
    return {
        "nodes": nodes,
        "datasets": {name: kind for name in known if (kind := kept_in(name, drawn))},
        "runner": runner,
        "arguments": arguments,
        "only_missing": only_missing,
    }


def kept_in(name: str, drawn: random.Random) -> str | None:
    if name.startswith("i"):
        return "given" if drawn.random() < 0.97 else None
    if name.endswith("@r"):
        return drawn.choice(("there", "there", "there", "memory"))
    return drawn.choice(("memory", "missing", "missing", "there", None))


def comparable(asked: dict[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    """Return the parts that must be equal: the order where the contract has one, and the quoted texts."""
    events = [event for event in outcome["events"] if not is_ours_alone(event, asked)]
    several = asked["runner"] == "ThreadRunner"
    fails = "error" in outcome
    if several:
        # Chance decides which of the ready nodes goes first, and which had ended when one failed.
        return {"result": outcome.get("result"), "fails": fails, "events": None if fails else sorted(map(str, events))}
    if asked["arguments"]:
        events = [str(event) for event in sorted(events)]
    return {
        "result": outcome.get("result"),
        "error": fails and outcome["error"][0],
        "events": events,
        "log": quoted(outcome["log"]),
    }


def is_ours_alone(event: list[str], asked: dict[str, Any]) -> bool:
    """Whether only ours calls ``on_node_error``: for a generator (Q-28)."""
    breaking = {node["name"] for node in asked["nodes"] if node["kind"] == "breaks"}
    return event[0] == "error" and event[1] in breaking


def quoted(lines: list[str]) -> list[str]:
    """Return the parts of log lines that are the same on both engines."""
    pattern = (
        r'No nodes ran|There are \d+ nodes that have not run|--from-nodes "[^"]*"|Skipping.*|Completed.*|Running \d.*'
    )
    return [found for line in lines for found in re.findall(pattern, line)]
