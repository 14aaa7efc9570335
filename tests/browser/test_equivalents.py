"""The commands and the program that the start page shows do what the form would, for values of any kind."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from watched_pages import WatchedPages

from project_files import write_project

pytestmark = pytest.mark.slow

QUOTED = 'it\'s "quoted" $HOME `id` \\ !! é 🐧 \x7f \u2028'
BODIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "plain": {"params": {"model": {"depth": 7, "rate": 0.5}, "name": "small", "flag": True, "none": None}},
    "texts": {"params": {"a": QUOTED, "b": "yes", "c": "12", "d": "", "e": " x ", "f": "a: b", "g": "-x"}},
    "lists": {"params": {"days": ["mon,tue", "it's"], "empty": {}, "a.b": 1}},
    "numbers": {"params": {"tiny": 1e-7, "huge": 1e21, "negative": -2.5e-9, "text": "1e7"}},
    "lines": {"params": {"text": "one\ntwo\ttabs\r\n", "more": "${x}"}},
    "inputs": {"inputs": {"rows": [{"n": 1, "s": QUOTED}, {"n": None, "s": "x"}]}, "params": {"name": "o'clock"}},
    "inputs and lists": {"inputs": {"rows": [1e-7]}, "params": {"days": [1, 2]}},
}
SUBMISSION = {"labels": {"team": QUOTED}, "timeout_seconds": 30, "outputs": ["result"]}
# The node tells what it got, so the command itself is judged by a run of its own.
REGISTRY = """
import json
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def tell(parameters, rows):
    Path("told.json").write_text(json.dumps([parameters, rows]))
    return 1

def register_pipelines():
    told = Pipeline([node(tell, ["parameters", "rows"], "result", name="tell", tags=["all"])])
    return {"__default__": told, "it's told": told}
"""


@pytest.fixture(scope="module")
def page(browser, served) -> Page:
    return WatchedPages(browser.new_context()).open(f"{served.dashboard}icon.svg")


def equivalent(page: Page, function: str, *arguments: object) -> str:
    return str(
        page.evaluate(
            "([name, given]) => import('./start/equivalents.js').then((module) => module[name](...given))",
            [function, arguments],
        )
    )


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_curl_sends_the_request(page: Page, body: dict[str, Any]) -> None:
    request = {"pipeline_names": ["it's told"], **body, **SUBMISSION}
    command = equivalent(page, "curlCommand", "http://127.0.0.1/a'b/runs", request)
    words = bash('curl() { printf "%s\\0" "$@"; }\n' + command).split("\0")
    assert words[:4] == ["-sS", "http://127.0.0.1/a'b/runs", "-H", "Content-Type: application/json"]
    assert json.loads(words[5]) == request


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_program_submits_the_request(page: Page, body: dict[str, Any]) -> None:
    request = {"pipeline_names": ["it's told"], **body, **SUBMISSION}
    program = ast.parse(equivalent(page, "pythonProgram", "http://127.0.0.1/", request))
    (call,) = [
        found
        for found in ast.walk(program)
        if isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute) and found.func.attr == "submit"
    ]
    arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert {"pipeline_names": ast.literal_eval(call.args[0]), **arguments} == request


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_command_runs_the_request(page: Page, tmp_path: Path, body: dict[str, Any]) -> None:
    files = {"src/{package}/pipeline_registry.py": REGISTRY, "conf/base/catalog.yml": "rows:\n  type: MemoryDataset\n"}
    project = write_project(tmp_path / "project", files)
    request = {"pipeline_names": ["it's told"], "tags": ["all"], **body, **SUBMISSION}
    request["inputs"] = body.get("inputs", {"rows": 1})
    command = equivalent(page, "kedroAsgiCommand", request)
    bash(command, cwd=project)
    assert json.loads((project / "told.json").read_text()) == [body.get("params", {}), request["inputs"]["rows"]]


def bash(script: str, *, cwd: Path | None = None) -> str:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    line = ["bash", "-eu", "-c", script]
    done = subprocess.run(line, cwd=cwd, env=environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout
