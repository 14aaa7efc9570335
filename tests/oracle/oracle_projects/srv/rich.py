"""A project with everything that a snapshot can show."""

from both_engines.cases import Case, Deviation, Project, project_files

from oracle_projects.srv.cases import ask, failure, post

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
    return ask("SRV-40 SRV-43 SRV-44 SRV-47", "a rich snapshot", "GET", "/snapshot")


RICH = Project(
    name="rich_served",
    files=project_files(
        _RICH, {"conf/base/parameters.yml": "a: 1\n_h: {b: 2}", "conf/base/catalog.yml": _RICH_CATALOG}
    ),
    cases=(
        _rich_snapshot(),
        ask("SRV-48", "parameters that are added", "GET", "/snapshot", query={"params": "zz=1,_h.c=3"}),
        post(
            "SRV-30",
            "a pipeline that is none",
            {"pipeline_names": ["none"]},
            files={"conf/base/catalog.yml": ""},
            deviation=Deviation(
                why="SRV-43",
                ours=failure(
                    "ValueError",
                    "Failed to find the pipeline named 'none'. It needs to be generated and returned by the "
                    "'register_pipelines' function.",
                ),
            ),
        ),
    ),
)
