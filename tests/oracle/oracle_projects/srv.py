"""SRV: the same requests to Kedro's server and to ours."""

from collections.abc import Mapping
from typing import Any

import msgspec
from both_engines.cases import Ask, Case, Deviation, Files, Project, project_files

_COMPARED = ("value", "error", "files")
_REGISTRY = """
from kedro.pipeline import Pipeline, node
def add(x, y): return x + y
def double(x): return 2*x
def register_pipelines():
    p = Pipeline([node(add, ["params:a","params:b"], "s", name="add"), node(double, "s", "d", name="double")])
    return {"__default__": p, "calc": p}
"""


def _ask(rule: str, name: str, method: str, path: str, **facts: Any) -> Case:
    asked = {key: facts.pop(key) for key in ("json", "raw", "headers", "query") if key in facts}
    call = Ask(method=method, path=path, **asked)
    return Case(rule=rule, name=name, call=call, **{"compare": _COMPARED, **facts})


def _run(rule: str, name: str, json: Any = msgspec.UNSET, **facts: Any) -> Case:
    return _ask(rule, name, "POST", "/run", json=json, **facts)


def _raw(rule: str, name: str, raw: str, headers: Mapping[str, str] | None = None, **facts: Any) -> Case:
    return _ask(rule, name, "POST", "/run", raw=raw, headers=headers, **facts)


def _answer(body: dict[str, Any], status: int = 200, error: str | None = None, message: str = "") -> dict[str, Any]:
    """What ours answers, in the form in which answers are written down."""
    shown = {"keys": list(body), **body}
    headers = {"content-type": "application/json"}
    return {"value": {"status": status, "headers": headers, "body": shown}, "error": error, "message": message}


_RAN = {"run_id": "<RUN_ID>", "duration_ms": "<MS>"}


def _failure(kind: str, message: str) -> dict[str, Any]:
    return _answer({"status": "failure", **_RAN, "error": {"type": kind}}, error=kind, message=message)


def _no_snapshot(kind: str, message: str) -> dict[str, Any]:
    return _answer({"status": "failure", "error": {"type": kind}}, error=kind, message=message)


_SUCCESS = _answer({"status": "success", **_RAN})
_NOT_FOUND = {**_answer({"detail": "Not Found"}, 404), "error": None}
_EMPTY = ("Pipeline contains no nodes after applying all provided filters",)
_NO_IDENTIFIER = ("is not a valid Python dotted identifier.",)

ROUTES = (
    _ask("SRV-15", "health", "GET", "/health"),
    _ask("SRV-11", "health by post", "POST", "/health"),
    _ask("SRV-11", "health by head", "HEAD", "/health"),
    _ask("SRV-12", "health with a slash", "GET", "/health/"),
    _ask("SRV-11", "the root", "GET", "/"),
    _ask("SRV-11", "an unknown path", "GET", "/nope"),
    _ask("SRV-11", "run by get", "GET", "/run"),
    _ask("SRV-11", "run by options", "OPTIONS", "/run"),
    _ask("SRV-12", "run with a slash", "POST", "/run/", json={}),
    _ask("SRV-11", "snapshot by post", "POST", "/snapshot"),
    *(
        _ask("SRV-10", f"the page {path}", "GET", path, deviation=Deviation(why="SRV-10", ours=_NOT_FOUND))
        for path in ("/docs", "/redoc", "/docs/oauth2-redirect")
    ),
    _ask("SRV-13", "unknown queries", "GET", "/health", query={"foo": "1"}),
)

SNAPSHOTS = (
    _ask("SRV-40", "a snapshot", "GET", "/snapshot"),
    _ask("SRV-13", "a snapshot with an unknown query", "GET", "/snapshot", query={"foo": "1"}),
    *(
        _ask("SRV-49", f"a snapshot with {text!r}", "GET", "/snapshot", query={"params": text})
        for text in (
            "a=5,new.k=1",
            "",
            "x=02,y=1e3,z=true,n=null,e=,q='5',l=[1;2],m={k: 1}",
            "p=a=b=c",
            "a=1,a.b=2",
            " k = v , , w = 1 ",
        )
    ),
    *(
        _ask(
            "SRV-50",
            f"a snapshot with {text!r}",
            "GET",
            "/snapshot",
            query={"params": text},
            says=("Invalid 'params' value: '", "Expected comma-separated key=value pairs, "),
        )
        for text in ("abc", "=1", "a=1,2")
    ),
    _ask(
        "SRV-51",
        "a snapshot with broken yaml",
        "GET",
        "/snapshot",
        query={"params": "a=[1"},
        deviation=Deviation(why="Q-35", ours=_no_snapshot("ValueError", "Invalid 'params' value: 'a=[1'.")),
    ),
)

_FIELDS = ("from_inputs", "to_outputs", "from_nodes", "to_nodes", "node_names", "namespaces", "pipeline_names", "tags")

BODIES = (
    _run("SRV-16", "an empty object", {}),
    _run("SRV-31", "all fields null", dict.fromkeys((*_FIELDS, "runner", "load_versions", "params"))),
    _run("SRV-31", "all lists empty", {name: [] for name in _FIELDS}),
    _run("SRV-20", "no body"),
    _raw("SRV-20", "null", "null"),
    _raw("SRV-20", "a list", "[]"),
    _raw("SRV-20", "a text", '"x"'),
    _raw("SRV-20", "broken json", "{bad"),
    _raw("SRV-20", "broken json at the end", '{"a": }'),
    _raw("SRV-20", "an empty body", ""),
    _raw("SRV-21", "plain text", "{}", {"content-type": "text/plain"}),
    _raw("SRV-21", "no content type", "{}", {}),
    _raw("SRV-21", "another kind of json", "{}", {"content-type": "application/vnd.x+json"}),
    _raw("SRV-21", "a form", "a=1", {"content-type": "application/x-www-form-urlencoded"}),
    _run("SRV-17", "an unknown field", {"env": "prod"}),
    _run("SRV-17", "two unknown fields", {"env": "prod", "conf_source": "/etc"}),
    *(_run("SRV-16", f"{name} that is a text", {name: "a"}) for name in _FIELDS),
    *(
        _run("SRV-16", f"{name} of numbers", {name: ["a", 1, None]})
        for name in ("tags", "node_names", "pipeline_names")
    ),
    *(
        _run("SRV-18", f"is_async that is {value!r}", {"is_async": value})
        for value in (True, "true", "YES", 1, 0, 1.0, "off", "maybe", None, [], 2, 0.5, "")
    ),
    *(
        _run("SRV-18", f"only_missing_outputs that is {value!r}", {"only_missing_outputs": value})
        for value in (True, "no", None, {})
    ),
    *(_run("SRV-16", f"params that are {value!r}", {"params": value}) for value in ({}, [1], "x", None)),
    _run("SRV-16", "versions that are numbers", {"load_versions": {"out": 1}}),
    _run("SRV-16", "versions that are a list", {"load_versions": ["out"]}),
    *(
        _run("SRV-19", f"the runner {name!r}", {"runner": name}, says=_NO_IDENTIFIER if name != 5 else ())
        for name in ("", "bad-name!", ".runner", "1bad", "Séq", "a..b", 5)
    ),
    _run(
        "SRV-19",
        "a runner with a newline behind it",
        {"runner": "SequentialRunner\n"},
        deviation=Deviation(
            why="Q-24",
            ours=_answer(
                {
                    "detail": [
                        {
                            "type": "value_error",
                            "loc": ["body", "runner"],
                            "input": "SequentialRunner\n",
                            "ctx": {"error": {}},
                        }
                    ]
                },
                422,
                message=_NO_IDENTIFIER[0],
            ),
        ),
    ),
    _run(
        "SRV-20",
        "several problems",
        {"tags": 5, "is_async": "x", "zz": 1, "runner": "-"},
        says=(*_NO_IDENTIFIER, "Input should be a valid list", "Extra inputs are not permitted"),
    ),
    _raw("SRV-22", "a number that is none", '{"params": {"a": NaN}}'),
    _raw("SRV-22", "a key twice", '{"is_async": "maybe", "is_async": false}'),
)

RUNS = (
    _run("SRV-31", "two pipelines", {"pipeline_names": ["calc", "__default__"]}),
    _run("SRV-28", "params", {"params": {"a": 10}}),
    _run("SRV-31", "versions of what is not run", {"load_versions": {"out": "../../etc"}}),
    _run("SRV-30", "an unknown pipeline", {"pipeline_names": ["nope"]}),
    _run("SRV-30", "an unknown pipeline that is close", {"pipeline_names": ["calcc"]}),
    _run("SRV-30", "an unknown node", {"node_names": ["nope"]}),
    _run("SRV-30", "a tag that nothing has", {"tags": ["zzz"]}, says=_EMPTY),
    _run("SRV-30", "from a node that lacks inputs", {"from_nodes": ["double"]}),
    _run("SRV-30", "from an unknown dataset", {"from_inputs": ["nope"]}),
    _run("SRV-31", "to an output", {"to_outputs": ["s"]}),
    _run("SRV-30", "an unknown namespace", {"namespaces": ["nope"]}),
    _run("SRV-30", "versions of an unknown name", {"load_versions": {"nope": "v1"}}),
    _run("SRV-30", "params of the wrong type", {"params": {"a": "text"}}),
    _run("SRV-31", "nested params", {"params": {"x": {"y": [1, 2, {"z": None}]}}}),
    _run("SRV-30", "a node twice", {"node_names": ["add", "add"]}, deviation=Deviation(why="Q-26", ours=_SUCCESS)),
    _run(
        "SRV-30",
        "params that would be interpolated",
        {"params": {"a": "${nope}"}},
        deviation=Deviation(why="Q-14", ours=_failure("TypeError", 'can only concatenate str (not "int") to str')),
    ),
    *(
        _run("SRV-26", f"the runner {name}", {"runner": name})
        for name in (
            "NopeRunner",
            "os.path.join",
            "kedro.runnerx.Foo",
            "kedro.runner.Task",
            "{package}.runners.My",
            "{package}.own.NoAsync",
            "{package}.own.Own",
            "{package}.own.NotOne",
            "kedro.runner.sequential_runner.SequentialRunner",
            "kedro.runner.ThreadRunner",
        )
    ),
    _run("SRV-27", "threads that are asynchronous", {"runner": "ThreadRunner", "is_async": True}),
    _run("SRV-27", "processes", {"runner": "ParallelRunner"}),
    _run("SRV-26", "an abstract runner", {"runner": "AbstractRunner"}),
)

_OWN = """
from kedro.runner import SequentialRunner

class Own(SequentialRunner): pass

class NoAsync(SequentialRunner):
    def __init__(self): super().__init__()

class NotOne: pass
"""
TINY = Project(
    name="tiny_served",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/parameters.yml": "a: 1\nb: 2",
            "conf/base/catalog.yml": "out: {type: json.JSONDataset, filepath: data/out.json}",
            "src/{package}/own.py": _OWN,
        },
    ),
    cases=(*ROUTES, *SNAPSHOTS, *BODIES, *RUNS),
    varied={"a": (1, 2, 3), "b": (4, 5)},
)

_RICH = """
import functools
from kedro.pipeline import Pipeline, node, pipeline

def wrapped(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)
    return call

@wrapped
def decorated(x):
    return x

def plain(x, y):
    return x, y

def register_pipelines():
    base = Pipeline([
        node(plain, ["raw", "params:a"], ["b_out", "a_out"], name="plain", tags=["z", "a"]),
        node(decorated, "b_out", "text@one", name="decorated"),
        node(lambda x: x, "text@two", "fact_x", name="lambda_"),
        node(functools.partial(plain, 1), "fact_x", ["p", "q"], name="partial_"),
        node(len, "a_out", "length", name="builtin"),
    ])
    return {
        "__default__": base,
        "spaced": pipeline(base, namespace="ns", inputs="raw"),
        "nothing": Pipeline([]),
        "none": None,
    }
"""
_RICH_CATALOG = """
_hidden: {type: MemoryDataset}
raw: {type: MemoryDataset, data: 5}
web: {type: json.JSONDataset, filepath: "https://user:pw@host/x.json?token=1"}
untyped: {filepath: a}
number: {type: 5, filepath: b}
unknown: {type: nope.Nope, filepath: c, credentials: missing_credentials_are_not_read}
text@one: {type: text.TextDataset, filepath: data/t}
text@two: {type: json.JSONDataset, filepath: data/t}
"fact_{x}": {type: "{x}.JSONDataset", filepath: "data/{x}.json"}
"{ns}.fact_{x}": {type: json.JSONDataset, filepath: "data/{ns}/{x}.json"}
cached: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: d}}
"""


def _rich_snapshot() -> Case:
    return _ask("SRV-40 SRV-43 SRV-44 SRV-47", "a rich snapshot", "GET", "/snapshot")


RICH = Project(
    name="rich_served",
    files=project_files(
        _RICH, {"conf/base/parameters.yml": "a: 1\n_h: {b: 2}", "conf/base/catalog.yml": _RICH_CATALOG}
    ),
    cases=(
        _rich_snapshot(),
        _ask("SRV-48", "parameters that are added", "GET", "/snapshot", query={"params": "zz=1,_h.c=3"}),
        _run(
            "SRV-30",
            "a pipeline that is none",
            {"pipeline_names": ["none"]},
            files={"conf/base/catalog.yml": ""},
            says=("unsupported operand type(s)",),
        ),
    ),
)

_LAB = """
from kedro.pipeline import Pipeline, node

class Weird:
    class Inner(Exception): pass

class Unprintable(Exception):
    def __str__(self): raise RuntimeError("no text")

class Empty(Exception): pass

def raising(make):
    def call(x):
        raise make()
    call.__name__ = "call"
    return call

def one(name, function):
    return Pipeline([node(function, "params:a", "o", name=name)])

def register_pipelines():
    return {
        "__default__": one("fine", lambda x: x),
        "inner": one("inner", raising(lambda: Weird.Inner("deep"))),
        "empty": one("empty", raising(lambda: Empty())),
        "key": one("key", raising(lambda: KeyError("k"))),
        "url": one("url", raising(lambda: ValueError("cannot reach s3://u:p@b/k?t=1#f now"))),
        "unprintable": one("unprintable", raising(lambda: Unprintable())),
        "exit": one("exit", raising(lambda: SystemExit(3))),
        "interrupt": one("interrupt", raising(lambda: KeyboardInterrupt())),
        "stop": one("stop", raising(lambda: StopIteration())),
        "file": Pipeline([node(lambda x: x, "absent", "o", name="file")]),
        "typed": Pipeline([node(lambda x: x, "typed", "o", name="typed")]),
        "saved": Pipeline([node(lambda x: [x], "params:a", "versioned", name="saved")]),
    }
"""
_LAB_CATALOG = """
absent: {type: json.JSONDataset, filepath: data/absent.json}
typed: {type: "${runtime_params:dt,MemoryDataset}", data: 5}
versioned: {type: json.JSONDataset, filepath: data/v.json, versioned: true}
"""
LAB = Project(
    name="lab_served",
    files=project_files(_LAB, {"conf/base/parameters.yml": "a: 1", "conf/base/catalog.yml": _LAB_CATALOG}),
    cases=(
        *(
            _run("SRV-29", f"an error: {name}", {"pipeline_names": [name]})
            for name in ("inner", "empty", "key", "url", "stop", "file")
        ),
        _run("SRV-29", "an error that has no text", {"pipeline_names": ["unprintable"]}),
        _run(
            "SRV-32",
            "a type of the caller",
            {"pipeline_names": ["typed"], "params": {"dt": "pickle.PickleDataset"}},
            says=(
                "Dataset 'typed' resolves a 'type' field via the 'runtime_params:' resolver to 'pickle.PickleDataset'",
            ),
        ),
        _run("SRV-32", "a type that no caller gives", {"pipeline_names": ["typed"], "params": {"x": 1}}),
        _ask("SRV-52", "a snapshot with a type", "GET", "/snapshot", query={"params": "dt=any.Thing"}),
        _run("SRV-23", "a version of the run's id", {"pipeline_names": ["saved"]}),
    ),
)


def _exiting(pipeline: str, kind: str, message: str) -> Project:
    """A project for one request: Kedro's server does not outlive it in process, where a real one answers 500."""
    deviation = Deviation(why="Q-35", ours=_failure(kind, message))
    case = _run(
        "SRV-33", f"a node that ends the process: {pipeline}", {"pipeline_names": [pipeline]}, deviation=deviation
    )
    return Project(name=f"{pipeline}_served", files=LAB.files, cases=(case,))


ENDING = (_exiting("exit", "SystemExit", "3"), _exiting("interrupt", "KeyboardInterrupt", ""))


def _broken(name: str, what: str, files: Files, **facts: Any) -> Project:
    """A project that is broken by ``files``: a run, a snapshot and a look at its health."""
    run, shot, why = (facts.pop(key, None) for key in ("run", "shot", "why"))
    run_says = facts.pop("run_says", facts.get("says", ()))
    cases = (
        _run("SRV-8", f"a run with {what}", {}, **_deviating(run, why), **{**facts, "says": run_says}),
        _ask("SRV-8", f"a snapshot with {what}", "GET", "/snapshot", **_deviating(shot, why), **facts),
        _ask("SRV-8", f"health with {what}", "GET", "/health"),
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
        run=_failure("ModuleNotFoundError", "No module named 'nope_zz'"),
        why="Q-35",
    ),
    _broken(
        "hooks",
        "hooks that are classes",
        {"src/{package}/settings.py": "class H: pass\nHOOKS = (H,)"},
        run=_failure(*_HOOKS),
        shot=_no_snapshot(*_HOOKS),
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
    _broken("nothing", "no catalog", {_CATALOG: None}, run=_SUCCESS, why="Q-43"),
    _broken(
        "local",
        "no local environment",
        {"conf/local/.gitkeep": None, _CATALOG: "", "src/{package}/pipeline_registry.py": _ONE},
        run_says=_EMPTY,
        shot=_answer(
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

PROJECTS = (TINY, RICH, LAB, *ENDING, *BROKEN)
