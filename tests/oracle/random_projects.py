"""Random whole projects: a DAG of nodes over random catalog entries, parameters, and runs of random slices of it."""

import json
from typing import Any

from both_engines.cases import Case, Project, Script, project_files
from hypothesis import strategies as st

_REGISTRY = """
import json
from pathlib import Path

from kedro.pipeline import Pipeline, node, pipeline
from {package}.functions import function

SPEC = json.loads((Path(__file__).parent / "spec.json").read_text())


def made(nodes):
    return Pipeline([
        node(function(kind, spec["outputs"]), **spec)
        for spec in map(dict, nodes)
        for kind in [spec.pop("kind")]
    ])


def register_pipelines():
    pipelines = {name: made(nodes) for name, nodes in SPEC["pipelines"].items()}
    for name, (of, arguments) in SPEC["reused"].items():
        pipelines[name] = pipeline(pipelines[of], **arguments)
    pipelines["__default__"] = sum(pipelines.values())
    return pipelines
"""
_FUNCTIONS = '''
import json
import zlib


def digest(*values, **named):
    """Return a number that tells these values from others."""
    text = json.dumps([values, sorted(named.items())], sort_keys=True, default=str)
    return zlib.crc32(text.encode()) % 10_000


def function(kind, outputs):
    names = [outputs] if isinstance(outputs, str) else list(outputs)

    def shaped(number):
        values = [of_kind(kind, number + index) for index in range(len(names))]
        if isinstance(outputs, dict):
            return dict(zip(outputs, values))
        return values if isinstance(outputs, list) else values[0]

    def call(*values, **named):
        return shaped(digest(*values, **named))

    def generate(*values, **named):
        for chunk in range(3):
            yield shaped(digest(chunk, *values, **named))

    return generate if kind == "chunks" else call


def of_kind(kind, number):
    if kind == "fails" and number % 2:
        raise LookupError(f"no luck with {number}")
    if kind == "none" and number % 2:
        return None
    return {"word": str(number), "list": [number, [number]], "mapping": {"n": number}}.get(kind, number)
'''
_KINDS = ["number"] * 24 + ["word"] * 6 + ["list", "mapping", "list", "mapping", "chunks", "fails", "none"]
_ENTRIES = ["memory", "json", "json", "versioned", "pickle", "cached", "undeclared", "undeclared"]
_TYPES = {
    "memory": {"type": "MemoryDataset"},
    "json": {"type": "json.JSONDataset", "filepath": "data/{}.json"},
    "versioned": {"type": "json.JSONDataset", "filepath": "data/{}.json", "versioned": True},
    "pickle": {"type": "pickle.PickleDataset", "filepath": "data/{}.pkl"},
    "cached": {"type": "CachedDataset", "dataset": {"type": "json.JSONDataset", "filepath": "data/{}.json"}},
    "text": {"type": "text.TextDataset", "filepath": "data/{}.txt"},
}
_PATTERNS = {
    "{name}_j": {"type": "json.JSONDataset", "filepath": "data/j/{name}.json"},
    "{name}_v": {"type": "json.JSONDataset", "filepath": "data/v/{name}.json", "versioned": True},
    "{ns}.{name}": {"type": "pickle.PickleDataset", "filepath": "data/{ns}/{name}.pkl"},
    "{ns}.{name}_j": {"type": "json.JSONDataset", "filepath": "data/{ns}/j/{name}.json"},
    "d{name}": {"type": "MemoryDataset"},
    "{any}": {"type": "json.JSONDataset", "filepath": "data/any/{any}.json"},
}
_PARAMETERS = ["params:a", "params:m.x", "params:m", "params:l", "parameters"]
_SOURCES = ["raw", "seed", "other", "raw_j"]


def often(draw: st.DrawFn, chance: float) -> bool:
    return draw(st.sampled_from(range(100))) < 100 * chance


def some(items: list[str], **sizes: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(items), unique=True, **sizes)


@st.composite
def shaped(draw: st.DrawFn, names: list[str]) -> Any:
    """Draw the names as a text, a list or a mapping."""
    if len(names) == 1 and often(draw, 0.7):
        return names[0]
    return {f"k{index}": name for index, name in enumerate(names)} if often(draw, 0.3) else names


@st.composite
def dags(draw: st.DrawFn, letter: str) -> list[dict[str, Any]]:
    """Draw up to six nodes, shuffled. Each reads sources, parameters and outputs of earlier nodes."""
    made: list[str] = []
    nodes = []
    for index in range(draw(st.integers(1, 6))):
        sources = _SOURCES[: draw(st.sampled_from([1, 2, 2, 2, 3, 3, 4]))]
        inputs = draw(some([*sources, *_PARAMETERS, *made, *made], min_size=1, max_size=3))
        outputs = [f"{letter}{index}{draw(st.sampled_from(['', '', '_j', '_v']))}"]
        if often(draw, 0.25):
            outputs.append(f"{letter}{index}_more")
        nodes.append(
            {
                "kind": draw(st.sampled_from(_KINDS)),
                "inputs": draw(shaped(inputs)),
                "outputs": draw(shaped(outputs)),
                "name": f"{letter}n{index}",
                "tags": draw(some(["t1", "t2", "t3"], min_size=1, max_size=2)),
            }
        )
        made += outputs
    return draw(st.permutations(nodes))


@st.composite
def catalogs(draw: st.DrawFn, names: list[str], words: list[str]) -> dict[str, Any]:
    """Draw entries for some of ``names`` and patterns for others; texts for ``words``, and seldom for others."""
    entries: dict[str, Any] = {}
    for name in names:
        can_be_text = name in words or often(draw, 0.03)
        kind = draw(st.sampled_from([*_ENTRIES, *["text"] * (4 * can_be_text)]))
        if kind != "undeclared":
            entries[name] = json.loads(json.dumps(_TYPES[kind]).replace("{}", name))
    for pattern in draw(some(sorted(_PATTERNS)[:-1], max_size=3)) + (["{any}"] if often(draw, 0.1) else []):
        entries[pattern] = _PATTERNS[pattern]
    entries["raw"] = {"type": "MemoryDataset", "data": 5}
    if often(draw, 0.8):
        entries["other"] = {"type": "json.JSONDataset", "filepath": "data/other.json"}
    entries["seed"] = {"type": "json.JSONDataset", "filepath": "data/seed.json"}
    return {name: entries[name] for name in draw(st.permutations(sorted(entries)))}


@st.composite
def slices(draw: st.DrawFn, spec: dict[str, Any], chance: float) -> dict[str, Any]:
    """Draw arguments of a run; with some ``chance``, they cut the pipeline."""
    nodes = [node for nodes in spec["pipelines"].values() for node in nodes]
    datasets = sorted({name for node in nodes for side in ("inputs", "outputs") for name in flat(node[side])})
    names = [node["name"] for node in nodes]
    criteria = {
        "tags": some(["t1", "t2", "t3"], min_size=1, max_size=2),
        "node_names": some([*names, *[f"ns.{name}" for name in names if spec["reused"]]], min_size=1, max_size=3),
        "from_nodes": some(names, min_size=1, max_size=2),
        "to_nodes": some(names, min_size=1, max_size=2),
        "from_inputs": some(datasets, min_size=1, max_size=2),
        "to_outputs": some(datasets, min_size=1, max_size=2),
        "namespaces": st.just(["ns"]),
        "pipeline_names": some([*spec["pipelines"], *spec["reused"], "__default__"], min_size=1, max_size=2),
    }
    if not spec["reused"]:
        del criteria["namespaces"]
    most = draw(st.sampled_from([1, 1, 1, 2]))
    chosen = draw(some(sorted(criteria), min_size=1, max_size=most)) if often(draw, chance) else []
    arguments = {name: draw(criteria[name]) for name in chosen}
    if often(draw, 0.4):
        arguments["runtime_params"] = draw(st.dictionaries(st.sampled_from(["a", "l", "new"]), st.integers(0, 9)))
    versioned = [name for name in datasets if name.endswith("_v")]
    if often(draw, 0.3 if versioned else 0.05):
        pinned = draw(st.sampled_from(versioned or datasets))
        arguments["load_versions"] = {pinned: draw(st.sampled_from([run_id(0), run_id(0), "v0"]))}
    return arguments


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Draw a project and three runs of it in one folder; the last may use threads or be asynchronous."""
    spec: dict[str, Any] = {"pipelines": {"one": draw(dags("d"))}, "reused": {}}
    if often(draw, 0.5):
        spec["pipelines"]["two"] = draw(dags("e"))
    if often(draw, 0.4):
        read = {name for node in spec["pipelines"]["one"] for name in flat(node["inputs"])}
        kept = sorted(read & set(_SOURCES)) if often(draw, 0.9) else None
        spec["reused"]["reused"] = ("one", {"namespace": "ns", "inputs": kept, "tags": draw(some(["t1", "t4"]))})
    nodes = [node for nodes in spec["pipelines"].values() for node in nodes]
    words = [name for node in nodes if node["kind"] == "word" for name in flat(node["outputs"])]
    names = sorted({name for node in nodes for name in flat(node["outputs"])})
    catalog = draw(catalogs([*names, *[f"ns.{name}" for name in names[:2]]], words))
    runs = [{**draw(slices(spec, chance)), "run_id": run_id(number)} for number, chance in enumerate((0.2, 0.5, 0.7))]
    # The engines keep the data of a cache in different places, so they differ about missing outputs.
    if "CachedDataset" not in json.dumps(catalog) and often(draw, 0.3):
        runs[1]["only_missing_outputs"] = True
    runner = draw(st.sampled_from(["None", "None", "ThreadRunner(max_workers=2)", "SequentialRunner(is_async=True)"]))
    parameters = {"a": draw(st.integers(0, 9)), "m": {"x": draw(st.sampled_from([1, "${a}", [2]]))}, "l": [1, {"k": 2}]}
    parameters["ns"] = {**parameters, "a": 3, "m": {"x": 4}}
    return project(spec, catalog, parameters, runs, runner)


def project(spec: Any, catalog: Any, parameters: Any, runs: list[dict[str, Any]], runner: str) -> Project:
    """Return a project of these parts, with one case that runs it."""
    body = f"""
    import json
    from kedro.runner import SequentialRunner, ThreadRunner
    session = project.service()
    runs = json.loads({json.dumps(json.dumps(runs))})
    runners = [None, None, {runner}]
    return [project.raised(project.run, session, runner=runner, **run) for run, runner in zip(runs, runners)]
    """
    files = project_files(
        _REGISTRY,
        {
            "src/{package}/spec.json": json.dumps(spec),
            "src/{package}/functions.py": _FUNCTIONS,
            "conf/base/catalog.yml": json.dumps(catalog),
            "conf/base/parameters.yml": json.dumps(parameters),
            "data/seed.json": "7",
            "data/other.json": "[8]",
            "data/j/raw.json": "9",
            "data/any/other.json": "10",
        },
    )
    return Project(name="random", files=files, cases=(Case(rule="RUN", name="runs", call=Script(body=body)),))


def flat(names: Any) -> list[str]:
    """Return names in any shape as a list."""
    return [names] if isinstance(names, str) else list(names.values()) if isinstance(names, dict) else names


def run_id(number: int) -> str:
    """Return the id of a project's run of this number."""
    return f"2030-01-0{number + 1}T00.00.00.000Z"
