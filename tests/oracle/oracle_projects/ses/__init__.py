"""Sessions."""

from both_engines.cases import Case, Deviation, Project, Run, project_files

from oracle_projects.ses.contexts import CONTEXTS
from oracle_projects.ses.params import PARAMS
from oracle_projects.ses.records import RECORDS
from oracle_projects.ses.runs import ONE_RUN

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def add(x, y):
    return x + y

def boom(x):
    raise ValueError(f"no {x}")

def register_pipelines():
    calc = Pipeline(
        [node(add, ["params:a", "params:b"], "s", name="add"), node(lambda s: 2 * s, "s", "d", name="double")]
    )
    return {
        "__default__": calc,
        "calc": calc,
        "fail": Pipeline([node(boom, "params:a", "z", name="boom")]),
        "nothing": Pipeline([]),
    }
"""

_RECORDING = """
from kedro.framework.hooks import hook_impl

SEEN = []

class Seen:
    @hook_impl
    def before_pipeline_run(self, run_params): SEEN.append(run_params)
"""

_KEPT = """
KEPT = []

def kept(base):
    class Store(base):
        def save(self): KEPT.append(dict(self))
    return Store
"""

SESSIONS = Project(
    name="ses",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/parameters.yml": "a: 1\nb: 2",
            "src/{package}/recorded.py": _RECORDING,
            "src/{package}/kept.py": _KEPT,
            "src/{package}/settings.py": "from {package}.recorded import Seen\nHOOKS = (Seen(),)",
        },
    ),
    cases=(
        *ONE_RUN,
        *RECORDS,
        *PARAMS,
        *CONTEXTS,
        Case(rule="SES-25", name="a service run", call=Run()),
        Case(rule="SES-25", name="a service run that fails", call=Run(arguments={"pipeline_names": ["fail"]})),
        Case(
            rule="SES-27",
            name="a serving run",
            call=Run(create={"serving_mode": True}, arguments={"runtime_params": {"b": 9}}),
        ),
        Case(
            rule="CFG-35",
            name="texts of a caller when serving",
            call=Run(create={"serving_mode": True}, arguments={"runtime_params": {"a": "${b}", "b": "x"}}),
            deviation=Deviation(why="Q-14", ours={"value": {"d": "${b}x${b}x"}}),
        ),
        Case(
            rule="CFG-35",
            name="texts of a caller when not serving",
            call=Run(arguments={"runtime_params": {"a": "${b}", "b": "x"}}),
        ),
        Case(rule="RUN-30", name="parameters of the wrong type", call=Run(arguments={"runtime_params": {"a": "text"}})),
    ),
    varied={"a": (1, 2, 3), "b": (5, 6, 7, 8)},
)

PROJECTS = (SESSIONS,)
