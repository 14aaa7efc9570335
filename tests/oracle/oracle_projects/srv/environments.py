"""Settings of a server, its environments, and its log (SRV-1 to SRV-4, SRV-34, SRV-42 to SRV-46)."""

from typing import Any

from both_engines.cases import Case, Deviation, Project, Script, project_files, pyproject

from oracle_projects.srv.cases import ask, failure, no_snapshot, post

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def fail(x):
    raise ValueError(f"cannot reach s3://u:p@b/k of {x}")

def register_pipelines():
    return {
        "__default__": Pipeline([node(lambda x: {"saw": x}, "params:where", "out", name="n")]),
        "fail": Pipeline([node(fail, "params:where", "o", name="f")]),
    }
"""


def _in(name: str, environ: dict[str, str], **facts: Any) -> tuple[Case, ...]:
    """Return a run and a snapshot of a server with ``environ``."""
    run, shot = facts.pop("run", {}), facts.pop("shot", {})
    return (
        post("SRV-2 SRV-45", f"a run in {name}", {}, environ=environ, **facts, **run),
        ask("SRV-42 SRV-45 SRV-46", f"a snapshot in {name}", "GET", "/snapshot", environ=environ, **facts, **shot),
    )


def _settings(name: str, path: str, environ: dict[str, str] | None = None, **facts: Any) -> Case:
    body = f"""
    from kedro.server.http_server import create_http_server
    create_http_server({path})
    """
    return Case(rule="SRV-3", name=name, call=Script(body=body), environ=environ or {}, compare=("error",), **facts)


_NO_PATH = ("Environment variable 'KEDRO_PROJECT_PATH' is not set or passed as an argument.",)
_MISSING = ("MissingConfigException", "is not a valid directory")
_ODD = ("ValueError", "bad/env")
_ENV = "KEDRO_SERVER_ENV"

ENVIRONMENTS = Project(
    name="environments_served",
    files=project_files(
        _REGISTRY,
        {
            "pyproject.toml": pyproject(kedro_init_version='"1.0.0"'),
            "conf/base/parameters.yml": "where: base",
            "conf/prod/parameters.yml": "where: prod\nmore: 1",
            "conf/base/catalog.yml": "out: {type: json.JSONDataset, filepath: data/out.json}",
            "other/base/parameters.yml": "where: other",
            "other/base/catalog.yml": "out: {type: json.JSONDataset, filepath: data/other.json}",
            "other/local/.gitkeep": "",
        },
    ),
    cases=(
        *_in("the default environment", {}),
        *_in("an environment that the server is told of", {_ENV: "prod"}),
        *_in("another source", {"KEDRO_SERVER_CONF_SOURCE": "other"}),
        *_in(
            "an environment that is not there",
            {_ENV: "nope"},
            run={"says": ("is not a valid directory: <D>/conf/nope",)},
            shot={"deviation": Deviation(why="Q-38", ours=no_snapshot(*_MISSING))},
        ),
        *_in(
            "an environment that climbs",
            {_ENV: "bad/env"},
            run={"deviation": Deviation(why="Q-8", ours=failure(*_ODD))},
            shot={"says": ("Invalid env value 'bad/env'",)},
        ),
        post("SRV-34", "what a run logs", {}, environ={"X": "1"}, logs=("^Pipeline run .* completed in",)),
        post(
            "SRV-34",
            "what a failed run logs",
            {"pipeline_names": ["fail"]},
            environ={"X": "1"},
            logs=("^Pipeline run .* failed: .*",),
        ),
        _settings("no path", "None", says=_NO_PATH),
        _settings(
            "an empty path",
            "''",
            {"KEDRO_PROJECT_PATH": "."},
            says=_NO_PATH,
        ),
        _settings("a path that is not there", "'/nope'", says=("Project path '/nope' does not exist.",)),
        _settings("a path of the process", "None", {"KEDRO_PROJECT_PATH": "."}),
    ),
    varied={"where": ("x", "y", "z")},
)
