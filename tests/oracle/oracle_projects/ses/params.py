"""The arguments that hooks get about a run (SES-22, SES-32)."""

from typing import Any

from both_engines.cases import Case, Deviation

from oracle_projects.ses.cases import session

_SHOW_PARAMS = """
import importlib
session = project.{kind}({create})
session.run({arguments})
seen = importlib.import_module("{{package}}.recorded").SEEN[0]
assert seen["run_id"]
return {{key: value for key, value in seen.items() if key not in ("run_id", "session_id", "runner")}}
"""

_EXTRA = {"effective_env": "local"}

_NONE = dict.fromkeys(
    ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "load_versions", "namespaces")
)

_SINGLE = {
    **_NONE,
    "project_path": "<D>",
    "env": None,
    "kedro_version": "1.7.0",
    "runtime_params": None,
    "pipeline_names": None,
    "only_missing_outputs": False,
}


def _params(name: str, kind: str, create: str, arguments: str, ours: dict[str, Any], why: str = "Q-34") -> Case:
    body = _SHOW_PARAMS.format(kind=kind, create=create, arguments=arguments)
    return session("SES-22 SES-32", name, body, deviation=Deviation(why=why, ours={"value": {**ours, **_EXTRA}}))


PARAMS = (
    _params("run_params of a single run", "single", "", "", _SINGLE),
    _params(
        "run_params of a single run with all there is",
        "single",
        "env='local', runtime_params={'a': 2}",
        "node_names=['add'], tags=[], pipeline_names=['calc'], to_outputs=['s']",
        {
            **_SINGLE,
            "env": "local",
            "runtime_params": {"a": 2},
            "node_names": ["add"],
            "pipeline_names": ["calc"],
            "to_outputs": ["s"],
        },
    ),
    _params(
        "run_params of a service run",
        "service",
        "session_id='SID'",
        "run_id='RID'",
        {**_SINGLE, "pipeline_names": ["__default__"]},
    ),
    _params(
        "run_params of a service run with all there is",
        "service",
        "env='local'",
        "node_names=['add'], runtime_params={'a': 2}, from_nodes=['add'], only_missing_outputs=False, load_versions={}",
        {
            **_SINGLE,
            "env": "local",
            "runtime_params": {"a": 2},
            "node_names": ["add"],
            "from_nodes": ["add"],
            "pipeline_names": ["__default__"],
        },
    ),
    session(
        "SES-22",
        "the runner in run_params",
        """
        import importlib
        project.single().run()
        project.service().run()
        seen = importlib.import_module('{package}.recorded').SEEN
        return [s['runner'].partition(' object')[0].lstrip('<').rpartition('.')[2] for s in seen]
        """,
        deviation=Deviation(why="Q-34", ours={"value": ["SequentialRunner", "SequentialRunner"]}),
    ),
    session(
        "SES-20 SES-32",
        "ids in run_params",
        """
        import importlib

        single = project.single()
        single.run()
        service = project.service(session_id="SID")
        service.run(run_id="RID")
        one, two = importlib.import_module("{package}.recorded").SEEN
        return [
            one["run_id"] == single.session_id,
            "session_id" in one,
            two["run_id"],
            two["session_id"],
            service.session_id,
        ]
        """,
    ),
)
