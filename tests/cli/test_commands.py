"""``run``, ``inspect`` and ``new``, and their messages for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BOOM = """
from kedro_asgi.pipeline import Pipeline, node

def boom(x):
    raise ZeroDivisionError("no " + str(x))

def register_pipelines():
    return {"__default__": Pipeline([node(boom, "params:a", "out", name="boom")])}
"""
FLAKY = """
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def flaky(x):
    file = Path("{folder}", "called")
    if not file.exists():
        file.touch()
        raise ConnectionError("it hung up")
    return x

def register_pipelines():
    return {"__default__": Pipeline([node(flaky, "params:a", "out", name="flaky")])}
"""


def test_the_commands_work_with_the_oldest_click_that_kedro_allows() -> None:
    older = "import click; click.ParamType.__class_getitem__ = None; import kedro_asgi.cli"
    subprocess.run([sys.executable, "-c", older], check=True, timeout=240)


def test_run_prints_the_outputs(tiny: Path, command) -> None:
    done = command("run", tiny, "--params", "a=10,b=1", "--nodes", "add")
    assert done.returncode == 0, done.stderr
    assert "succeeded. Outputs: s" in done.stdout


def test_run_tries_failed_nodes_again(make_project, command, tmp_path: Path) -> None:
    project = make_project(FLAKY.replace("{folder}", str(tmp_path)))
    done = command("run", project, "--retries", 2, "--retry-delay", 0)
    assert done.returncode == 0, done.stderr
    assert "flaky: attempt 1 failed with ConnectionError, the next in 0 s" in done.stderr
    assert "Outputs: out" in done.stdout


def test_run_takes_inputs_from_a_file_or_from_standard_input(make_project, command, tmp_path: Path) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    def show(table, n):
        print(type(table).__name__, len(table), n)
        return n
    def register_pipelines():
        return {"__default__": Pipeline([node(show, ["table", "params:a"], "out")])}
    """
    catalog = "table:\n  type: pandas.CSVDataset\n  filepath: nowhere.csv\n"
    project, file = make_project(registry, catalog=catalog), tmp_path / "inputs.json"
    file.write_text(json.dumps({"table": [{"x": 1}, {"x": 2}], "params:a": 7}))
    done = command("run", project, "--inputs", file)
    assert "DataFrame 2 7" in done.stdout, done.stderr
    arguments = [sys.executable, "-m", "kedro_asgi", "run", str(project), "--inputs", "-"]
    piped = subprocess.run(arguments, input=file.read_text(), capture_output=True, text=True, timeout=60)
    assert "DataFrame 2 7" in piped.stdout, piped.stderr


@pytest.mark.parametrize(("content", "problem"), [("{", "cannot be read as JSON"), ("[1]", "must hold a JSON object")])
def test_inputs_that_are_no_json_object_are_refused(
    tiny: Path, command, tmp_path: Path, content: str, problem: str
) -> None:
    (tmp_path / "inputs.json").write_text(content)
    done = command("run", tiny, "--inputs", tmp_path / "inputs.json")
    assert done.returncode == 2
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_run_passes_arguments_to_the_runner(make_project, command) -> None:
    runners = """
    from kedro_asgi.runner import ThreadRunner
    class Verbose(ThreadRunner):
        def __init__(self, depth=0, **arguments):
            super().__init__(**arguments)
            print("verbose", depth, self._max_workers)
    """
    project = make_project(files={"src/{package}/runners.py": runners})
    package = next((project / "src").iterdir()).name
    done = command("run", project, "--runner", f"{package}.runners.Verbose", "--runner-params", "depth=3,max_workers=2")
    assert "verbose 3 2" in done.stdout, done.stderr


def test_run_shows_the_log_of_other_processes(make_project, command) -> None:
    registry = """
    import logging
    from kedro_asgi.pipeline import Pipeline, node
    def log_value(a):
        logging.getLogger(__name__).info("saying %s", a)
        return a
    def register_pipelines():
        return {"__default__": Pipeline([node(log_value, "params:a", "b", name="n")])}
    """
    done = command("run", make_project(registry), "--runner", "ParallelRunner", "--runner-params", "max_workers=1")
    assert "Outputs: b" in done.stdout
    for line in ("Running node: n: log_value([params:a]) -> [b]", "saying 1", "Completed 1 out of 1 tasks"):
        assert line in done.stderr


OWN_SESSION = """
class Own({base}):
    def run(self, *arguments, **named):
        print("in the session of the project")
        return super().run(*arguments, **named)
SESSION_CLASS = Own
"""


def test_run_uses_the_session_class_of_the_project(make_project, command) -> None:
    own = "from kedro_asgi.session import KedroSession\n" + OWN_SESSION.format(base="KedroSession")
    assert "in the session of the project" in command("run", make_project(settings=own)).stdout


def test_a_session_class_that_does_not_derive_from_ours_is_reported(make_project, command) -> None:
    done = command("run", make_project(settings=OWN_SESSION.format(base="object")))
    assert done.returncode == 0, done.stderr
    assert ".settings.Own' is not used" in done.stderr


def test_run_finds_the_project_around_the_working_directory(tiny: Path, command) -> None:
    assert command("run", "--pipelines", "calc", cwd=tiny / "src").returncode == 0


def test_run_saves_datasets_and_a_session_record(make_project, command) -> None:
    project = make_project(
        catalog="d:\n  type: json.JSONDataset\n  filepath: data/${runtime_params:who, me}.json\n",
        settings="from kedro_asgi.session import JSONSessionStore as SESSION_STORE_CLASS\n",
    )
    assert command("run", project, "--params", "who=you,a=4").returncode == 0
    assert json.loads((project / "data" / "you.json").read_text()) == 12
    record = json.loads(next((project / "sessions").glob("*.json")).read_text())
    assert record["runtime_params"] == {"who": "you", "a": 4}
    assert record["cli"]["command_name"] == "run"


def test_run_validates_typed_parameters(make_project, command) -> None:
    registry = """
    from dataclasses import dataclass
    from kedro_asgi.pipeline import Pipeline, node

    @dataclass
    class Options:
        rate: float

    def use(options: Options):
        return options.rate

    def register_pipelines():
        return {"__default__": Pipeline([node(use, "params:options", "d")])}
    """
    project = make_project(registry, parameters="options: {rate: 1}\n")
    assert command("run", project, "--params", "options.rate=2").returncode == 0
    done = command("run", project, "--params", "options.speed=2")
    assert done.returncode == 1
    assert "Parameter 'options': Failed to instantiate Options" in done.stderr


def test_a_file_may_set_the_options_of_run(tiny: Path, command, tmp_path: Path) -> None:
    config = tmp_path / "run.yml"
    config.write_text("run:\n  pipelines: [calc]\n  nodes: [add]\n")
    assert "Outputs: s" in command("run", tiny, "--config", config).stdout


def test_inspect_prints_a_table_or_json(tiny: Path, command) -> None:
    table = command("inspect", tiny).stdout
    assert "Made (package made_" in table
    assert "PIPELINE" in table
    snapshot = json.loads(command("inspect", tiny, "--format", "json", "--params", "c=1").stdout)
    assert snapshot["parameters"] == ["a", "b", "c"]


def test_new_writes_a_working_project(command, tmp_path: Path) -> None:
    assert command("new", "My Penguins").returncode == 0
    done = command("run", tmp_path / "My Penguins")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(next((tmp_path / "My Penguins" / "data" / "08_reporting").rglob("*.json")).read_text())
    assert metrics["accuracy"] >= 0.95


@pytest.mark.parametrize(
    ("settings", "registry", "arguments", "message"),
    [
        ("1 +\n", BOOM, [], "SyntaxError: invalid syntax (settings.py, line 1)"),
        ("import nope_zz\n", BOOM, [], "No module named 'nope_zz'"),
        ("", BOOM, [], "ZeroDivisionError: no 1"),
        ("", BOOM, ["--pipelines", "nope"], "Failed to find the pipeline named 'nope'"),
        ("", BOOM, ["--env", "nope"], "does not exist or is not a valid directory"),
        ("", BOOM, ["--params", "abc"], "Invalid 'params' value: 'abc'"),
        ("", BOOM, ["--runner", "NopeRunner"], "has no attribute 'NopeRunner'"),
        ("", BOOM, ["--runner", "ParallelRunner", "--runner-params", "max_workers=0"], "should be positive"),
        ("", BOOM, ["--runner", "ThreadRunner", "--runner-params", "max_workers=two"], "a whole number, not 'two'"),
        ("", BOOM, ["--runner-params", "max_workers=1"], "unexpected keyword argument 'max_workers'"),
        ("", BOOM, ["--conf-source", "nope"], "Path 'nope' does not exist."),
    ],
)
def test_an_error_is_one_line(make_project, command, settings, registry, arguments, message) -> None:
    done = command("run", make_project(registry, settings=settings), *arguments)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert len(errors) == 1
    assert message in errors[0]
    # The failure of a node has a traceback, of the user's frames.
    assert ("Traceback" in done.stderr) == ("ZeroDivisionError" in message)
    assert "kedro_asgi/" not in done.stderr


def test_inspect_explains_why_a_pipeline_is_not_batched(tiny: Path, command) -> None:
    with (tiny / "pyproject.toml").open("a") as file:
        file.write('[tool.kedro-asgi.batching.calc]\ninputs = ["s"]\noutputs = ["d"]\n')
    assert "calc     refused: 'inputs' names 's', which is none of its inputs." in command("inspect", tiny).stdout


@pytest.mark.parametrize("verb", ["run", "serve", "inspect"])
def test_an_error_in_the_project_path_is_one_line(command, tmp_path: Path, verb: str) -> None:
    missing = command(verb, tmp_path / "nope")
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr
    nothing = command(verb)
    assert nothing.returncode == 2
    assert "There is no Kedro project here" in nothing.stderr
    assert "Traceback" not in missing.stderr + nothing.stderr


def test_outside_of_a_project_the_environment_names_one(tiny: Path, make_project, command, tmp_path: Path) -> None:
    other, environ = make_project(name="other", parameters="other: 1\n"), {"KEDRO_PROJECT_PATH": str(tiny)}
    assert "PARAMETERS\nother\n" in command("inspect", cwd=other, environ=environ).stdout
    assert "PARAMETERS\na, b\n" in command("inspect", environ=environ).stdout
    wrong = command("inspect", environ={"KEDRO_PROJECT_PATH": str(tmp_path / "nope")})
    assert f"Project path '{tmp_path / 'nope'}' does not exist." in wrong.stderr


def test_broken_yaml_is_reported_with_file_and_line(make_project, command) -> None:
    done = command("run", make_project(catalog="a: 1\nb: [\n"))
    assert done.returncode == 1
    assert "catalog.yml" in done.stderr
    assert "line 3" in done.stderr
    assert "Traceback" not in done.stderr
