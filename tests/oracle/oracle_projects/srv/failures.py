"""Runs that fail in each way (SRV-29 to SRV-33)."""

from both_engines.cases import Deviation, Project, project_files

from oracle_projects.srv.cases import ask, failure, post

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
            post("SRV-29 SRV-41 CAT-66", f"an error: {name}", {"pipeline_names": [name]})
            for name in ("inner", "empty", "key", "url", "stop", "file")
        ),
        post("SRV-29", "an error that has no text", {"pipeline_names": ["unprintable"]}),
        post(
            "SRV-32 SES-28",
            "a type of the caller",
            {"pipeline_names": ["typed"], "params": {"dt": "pickle.PickleDataset"}},
            says=(
                "Dataset 'typed' resolves a 'type' field via the 'runtime_params:' resolver to 'pickle.PickleDataset'",
            ),
        ),
        post("SRV-32", "a type that no caller gives", {"pipeline_names": ["typed"], "params": {"x": 1}}),
        ask("SRV-52", "a snapshot with a type", "GET", "/snapshot", query={"params": "dt=any.Thing"}),
        post("SRV-23", "a version of the run's id", {"pipeline_names": ["saved"]}),
    ),
)


def _exiting(pipeline: str, kind: str, message: str) -> Project:
    """Return a project for one request: it ends Kedro's server in process, where a real server answers 500."""
    deviation = Deviation(why="Q-35", ours=failure(kind, message))
    case = post(
        "SRV-33", f"a node that ends the process: {pipeline}", {"pipeline_names": [pipeline]}, deviation=deviation
    )
    return Project(name=f"{pipeline}_served", files=LAB.files, cases=(case,))


ENDING = (_exiting("exit", "SystemExit", "3"), _exiting("interrupt", "KeyboardInterrupt", ""))
