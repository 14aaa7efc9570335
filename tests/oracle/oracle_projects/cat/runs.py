"""Catalogs in runs: patterns, versions, transcoding, credentials, paths."""

from collections.abc import Mapping
from typing import Any

from both_engines.cases import Case, Project, Run, Script, project_files

from oracle_projects.cat.custom import SOURCE

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def join(*values):
    return "|".join(map(str, values))

def register_pipelines():
    return {
        "__default__": Pipeline(
            [
                node(join, ["source", "params:a"], "ns.mid", name="first"),
                node(join, "ns.mid", "last_json", name="second"),
                node(join, ["ns.mid", "plain"], "free", name="third"),
            ]
        ),
        "versioned": Pipeline(
            [
                node(join, ["source", "params:a"], "saved", name="save"),
                node(join, "saved", "again", name="load"),
            ]
        ),
        "transcoded": Pipeline(
            [
                node(lambda s: [s], "source", "code@json", name="write"),
                node(lambda t: t.strip(), "code@text", "read", name="read"),
            ]
        ),
        "cached": Pipeline(
            [
                node(lambda s: [s], "source", "cached", name="write"),
                node(lambda c: c + c, "cached", "twice", name="read"),
            ]
        ),
        "three_parts": Pipeline([node(join, "x@a", "y", name="three")]),
        "custom": Pipeline(
            [
                node(lambda s: [str(s), "b"], "source", "lines", name="lines"),
                node(len, "lines", "count", name="len"),
            ]
        ),
        "secret": Pipeline([node(join, "secret", "told", name="tell")]),
    }
"""

_ENTRIES = """
source: {type: MemoryDataset, data: 5}
plain: {type: text.TextDataset, filepath: data/in/plain.txt}
"{ns}.{name}": {type: text.TextDataset, filepath: "data/{ns}/{name}.txt"}
"{name}_json": {type: json.JSONDataset, filepath: "data/json/{name}.json", metadata: {filepath: other}}
saved: {type: text.TextDataset, filepath: data/saved.txt, versioned: true}
code@json: {type: json.JSONDataset, filepath: data/code.json}
code@text: {type: text.TextDataset, filepath: data/code.json}
cached: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: data/cached.json}}
lines: {type: "{package}.custom.Lines", filepath: data/lines.txt, versioned: true}
secret:
  type: "{package}.custom.Shown"
  credentials: key
  nested: {filepath: rel/path, list: [{filepath: rel}], path: /abs, filename: "s3://b/k"}
"""


def _run(rule: str, name: str, pipeline: str, more: Mapping[str, Any] | None = None, **facts: Any) -> Case:
    arguments = {"pipeline_names": [pipeline], "run_id": "2030-01-01T00.00.00.000Z", **(more or {})}
    return Case(rule=rule, name=name, call=Run(arguments=arguments), **facts)


RUNS = Project(
    name="cat_run",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/catalog.yml": _ENTRIES,
            "conf/base/parameters.yml": "a: 1",
            "conf/local/credentials.yml": "key: {user: me, filepath: rel/key}",
            "data/in/plain.txt": "plain",
            "src/{package}/custom.py": SOURCE,
        },
    ),
    cases=(
        _run("CAT-28", "patterns persist what lies between", "__default__"),
        _run("CAT-30 CAT-31 CAT-16", "a version of the run's id", "versioned"),
        _run(
            "CAT-32",
            "a pinned version in a run",
            "versioned",
            {"load_versions": {"saved": "v1"}, "from_inputs": ["saved"]},
            files={"data/saved.txt/v1/saved.txt": "one", "data/saved.txt/v2/saved.txt": "two"},
        ),
        _run(
            "CAT-32",
            "the latest version in a run",
            "versioned",
            {"from_inputs": ["saved"]},
            files={"data/saved.txt/v1/saved.txt": "one", "data/saved.txt/v2/saved.txt": "two"},
        ),
        _run(
            "CAT-34",
            "a version that is there",
            "versioned",
            files={"data/saved.txt/2030-01-01T00.00.00.000Z/saved.txt": "one"},
            says=("saved: Save path", "must not exist if versioning is enabled."),
        ),
        _run("CAT-37", "a pin of an unknown name", "versioned", {"load_versions": {"nope": "v1"}}),
        _run("CAT-37", "a pin of a parameter", "versioned", {"load_versions": {"params:a": "v1"}}),
        _run("CAT-41", "transcoding", "transcoded"),
        _run(
            "CAT-41",
            "two separators",
            "transcoded",
            files={"conf/base/catalog_more.yml": "'x@a@b': {type: MemoryDataset}"},
            says=("Expected maximum 1 transcoding separator, found 2 instead: 'x@a@b'.",),
        ),
        _run("CAT-45", "a cached dataset in a run", "cached"),
        _run("CAT-30", "a versioned class of the project", "custom"),
        _run("CAT-12 CAT-14", "paths and credentials", "secret"),
        _run(
            "CAT-4",
            "an entry that is no mapping",
            "custom",
            files={"conf/base/catalog_more.yml": "bad: 5"},
            says=("Catalog entry 'bad' is not a valid dataset configuration",),
        ),
        _run(
            "CAT-5",
            "a broken entry that no node uses",
            "custom",
            files={"conf/base/catalog_more.yml": "bad: {type: nope.Nope}"},
        ),
        Case(
            rule="CAT-39",
            name="a single run saves under its own id",
            call=Script(
                body="""
                with project.single(save_on_close=False) as session:
                    project.run(session, pipeline_names=["versioned"])
                folders = [path.name for path in (project.path / "data/saved.txt").iterdir()]
                return folders == [session.session_id]
                """
            ),
            compare=("value", "error"),
        ),
        Case(
            rule="CAT-65",
            name="the catalog of a context",
            call=Script(
                body="""
                catalog = project.service().load_context().catalog
                return [type(catalog).__name__, catalog.list_patterns()]
                """
            ),
        ),
    ),
    varied={"a": (1, 2, 3, 4)},
)
