"""Environments and interpolation in runs."""

from both_engines.cases import Case, Project, Run, project_files

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def show(*values):
    return {"values": list(values)}

def register_pipelines():
    return {"__default__": Pipeline([
        node(show, ["params:a", "params:model.lr", "params:env", "source"], "shown", name="show"),
        node(lambda x: x, "shown", "target", name="keep"),
    ])}
"""

ENVIRONMENTS = Project(
    name="cfg_run",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/globals.yml": "folder: here\nscale: 3",
            "conf/base/parameters.yml": "a: ${globals:scale}\nmodel: {lr: 0.1, depth: 2}\nenv: base",
            "conf/base/catalog.yml": """
            source:
              type: MemoryDataset
              data: ${runtime_params:source,7}
            target:
              type: json.JSONDataset
              filepath: data/${globals:folder}/out_${runtime_params:who,nobody}.json
            """,
            "conf/local/parameters.yml": "env: local",
            "conf/prod/parameters.yml": "env: prod\nmodel: {lr: 0.9}",
            "conf/prod/globals.yml": "folder: there",
        },
    ),
    cases=(
        Case(rule="CFG-2", name="a run in the default environment", call=Run()),
        Case(rule="CFG-2", name="a run in another environment", call=Run(create={"env": "prod"})),
        Case(rule="SES-4 CFG-3", name="the environment of the process", call=Run(), environ={"KEDRO_ENV": "prod"}),
        Case(
            rule="SES-4",
            name="an argument beats the process",
            call=Run(create={"env": "local"}),
            environ={"KEDRO_ENV": "prod"},
        ),
        Case(
            rule="SES-5",
            name="a wrong environment is found at the run",
            call=Run(create={"env": "nope"}),
            says=("is not a valid directory: <D>/conf/nope",),
        ),
        Case(
            rule="CFG-50",
            name="parameters of a run",
            call=Run(arguments={"runtime_params": {"who": "me", "source": 8, "model": {"lr": 1}}}),
        ),
        Case(
            rule="CFG-50",
            name="parameters of a single run",
            call=Run(session="single", create={"runtime_params": {"who": "you", "source": [1]}}),
        ),
    ),
    varied={"who": ("a", "b", "c", "d"), "source": (1, 2, 3), "a": (1, 2)},
)
