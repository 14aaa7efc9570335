"""Types that a caller chooses, and the values that a loader keeps (CFG-56 to CFG-60)."""

from collections.abc import Mapping
from typing import Any

from both_engines.cases import Case

from oracle_projects.cfg.cases import BASE, CATALOG, config


def _guard(rule: str, name: str, text: str, values: str = "{'dt': 'json.JSONDataset'}", **facts: Any) -> Case:
    return config(
        rule,
        name,
        {CATALOG: text},
        arguments=f"{{'runtime_params': {values}, 'restrict_runtime_params_type_selection': True}}",
        value="loader['catalog']",
        **facts,
    )


_GUARDED: Mapping[str, Any] = {"value": None, "error": "InterpolationResolutionError", "message": "not permitted"}

GUARD = (
    _guard(
        "CFG-56",
        "a type that is given",
        "q: {type: '${runtime_params:dt,MemoryDataset}'}",
        says=(
            "Dataset 'q' resolves a 'type' field via the 'runtime_params:' resolver to 'json.JSONDataset'",
            ", which is not permitted.",
        ),
    ),
    _guard("CFG-57", "a type that is not given", "q: {type: '${runtime_params:dt,MemoryDataset}'}", "{'x': 1}"),
    _guard("CFG-57", "other fields", "q: {type: MemoryDataset, data: '${runtime_params:dt}'}"),
    _guard(
        "CFG-58", "by way of another key", "_t: ${runtime_params:dt}\nq: {type: '${_t}'}", ours=_GUARDED, why="Q-19"
    ),
    _guard(
        "CFG-58",
        "a whole entry",
        "q: ${runtime_params:entry}",
        "{'entry': {'type': 'json.JSONDataset'}}",
        ours=_GUARDED,
        why="Q-19",
    ),
    _guard(
        "CFG-58",
        "inside a list",
        "q: {type: MemoryDataset, data: [{type: '${runtime_params:dt}'}]}",
        ours=_GUARDED,
        why="Q-19",
    ),
    _guard("CFG-58", "a quoted name", "q: {type: '${runtime_params:\"dt\"}'}", ours=_GUARDED, why="Q-19"),
    _guard(
        "CFG-58", "a name that is computed", "_v: dt\nq: {type: '${runtime_params:${_v}}'}", ours=_GUARDED, why="Q-19"
    ),
)

CACHING = (
    config(
        "CFG-59",
        "each look is a fresh tree",
        {BASE: "a: {b: 1}"},
        value="[loader['parameters']['a'].update(c=1), loader['parameters']]",
    ),
    config(
        "CFG-60",
        "what is set beats the files",
        {BASE: "a: 1"},
        value="[loader.__setitem__('parameters', {'z': 1}), loader.__setitem__('any', 5)]"
        " and [loader['parameters'], loader['any'], 'parameters' in loader]",
    ),
    config(
        "CFG-60",
        "globals that are set",
        {BASE: "a: ${globals:x}"},
        value="[loader.__setitem__('globals', {'x': 8}), loader['parameters']]",
    ),
)
