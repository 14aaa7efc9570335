"""A small project for most requests."""

from both_engines.cases import Project, project_files

from oracle_projects.srv.bodies import BODIES, RUNS
from oracle_projects.srv.routes import ROUTES, SNAPSHOTS

_REGISTRY = """
from kedro.pipeline import Pipeline, node
def add(x, y): return x + y
def double(x): return 2*x
def register_pipelines():
    p = Pipeline([node(add, ["params:a","params:b"], "s", name="add"), node(double, "s", "d", name="double")])
    return {"__default__": p, "calc": p}
"""

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
