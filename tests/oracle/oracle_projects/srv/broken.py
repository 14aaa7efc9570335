"""Broken projects (SRV-8)."""

from collections.abc import Mapping
from typing import Any

from both_engines.cases import Deviation, Files, Project

from oracle_projects.srv.cases import EMPTY, SUCCESS, answer, ask, failure, no_snapshot, post
from oracle_projects.srv.failures import LAB


def _broken(name: str, what: str, files: Files, **facts: Any) -> Project:
    """Return a project that ``files`` break: a run, a snapshot and its health."""
    run, shot, why = (facts.pop(key, None) for key in ("run", "shot", "why"))
    run_says = facts.pop("run_says", facts.get("says", ()))
    cases = (
        post("SRV-8", f"a run with {what}", {}, **_deviating(run, why), **{**facts, "says": run_says}),
        ask("SRV-8 SRV-53", f"a snapshot with {what}", "GET", "/snapshot", **_deviating(shot, why), **facts),
        ask("SRV-8", f"health with {what}", "GET", "/health"),
    )
    return Project(name=f"broken_{name}", files={**LAB.files, **files}, cases=cases)


def _deviating(ours: Mapping[str, Any] | None, why: str) -> dict[str, Any]:
    return {} if ours is None else {"deviation": Deviation(why=why, ours=ours)}


_CATALOG = "conf/base/catalog.yml"

_ONE = "from kedro.pipeline import Pipeline\ndef register_pipelines():\n    return {'__default__': Pipeline([])}"

_HOOKS = ("TypeError", "registered as instances")

BROKEN = (
    _broken(
        "registry",
        "a broken registry",
        {"src/{package}/pipeline_registry.py": "import nope_zz"},
        run=failure("ModuleNotFoundError", "No module named 'nope_zz'"),
        why="Q-35",
    ),
    _broken(
        "hooks",
        "hooks that are classes",
        {"src/{package}/settings.py": "class H: pass\nHOOKS = (H,)"},
        run=failure(*_HOOKS),
        shot=no_snapshot(*_HOOKS),
        why="Q-35",
    ),
    _broken(
        "yaml",
        "a broken catalog",
        {_CATALOG: "a: [1\nb: 2"},
        says=("Invalid YAML or JSON file <D>/conf/base/catalog.yml",),
    ),
    _broken(
        "interpolation",
        "an interpolation that leads nowhere",
        {_CATALOG: "a: {type: '${nope}'}"},
        says=("Interpolation key 'nope' not found", "full_key: a.type"),
    ),
    _broken("pattern", "a pattern that lacks a name", {_CATALOG: "'{a}_x': {type: MemoryDataset, data: '{b}'}"}),
    _broken(
        "credentials",
        "credentials that are not there",
        {_CATALOG: "a: {type: MemoryDataset, credentials: none}"},
        run_says=("Unable to find credentials 'none'",),
    ),
    _broken(
        "entry",
        "an entry without a type",
        {_CATALOG: "a: {data: 1}"},
        run_says=("'type' is missing from dataset catalog configuration.",),
    ),
    _broken("nothing", "no catalog", {_CATALOG: None}, run=SUCCESS, why="Q-43"),
    _broken(
        "local",
        "no local environment",
        {"conf/local/.gitkeep": None, _CATALOG: "", "src/{package}/pipeline_registry.py": _ONE},
        run_says=EMPTY,
        shot=answer(
            {
                "status": "success",
                "metadata": {"project_name": "Made", "package_name": "made_broken_local", "kedro_version": "1.7.0"},
                "pipelines": [{"name": "__default__", "nodes": [], "inputs": [], "outputs": []}],
                "datasets": {},
                "parameters": ["a"],
            }
        ),
        why="Q-43",
    ),
    _broken("parameters", "no parameters", {"conf/base/parameters.yml": None}),
)
