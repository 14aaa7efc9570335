"""The commands log, apply a project's ``conf/logging.yml``, and refuse an unsafe one (PRJ-36)."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.cli.log_format import TextFormatter
from kedro_asgi.cli.logging_setup import server_log_config
from kedro_asgi.errors import LoggingConfigError
from kedro_asgi.project import load_project
from kedro_asgi.project.logging_config import read_logging_config
from kedro_asgi.run_context import CURRENT_NODE, CURRENT_RUN, RunContextFilter
from serving import until

# In essence the file of Kedro's template.
LOGGING = """
version: 1
disable_existing_loggers: False
formatters:
  simple: {format: "%(levelname)s|%(name)s|%(message)s"}
handlers:
  info_file_handler:
    class: logging.handlers.RotatingFileHandler
    formatter: simple
    filename: info.log
    delay: True
  rich:
    class: kedro.logging.RichHandler
    rich_tracebacks: True
loggers:
  kedro: {level: INFO}
root:
  handlers: [rich, info_file_handler]
"""
NODES = """
import logging
from kedro_asgi.pipeline import Pipeline, node

def log_value(a):
    logging.getLogger(__name__).info("the node says %s", a)
    return a

def register_pipelines():
    return {"__default__": Pipeline([node(log_value, "params:a", "out", name="log_value")])}
"""


@pytest.fixture
def project(make_project) -> Path:
    return make_project(NODES, files={"conf/logging.yml": LOGGING})


def test_a_run_logs_as_configured(project: Path, command, tmp_path: Path) -> None:
    done = command("run", project, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (project / "info.log").read_text().splitlines()
    assert any(line.startswith("INFO|kedro_asgi.") for line in lines)
    assert any(re.fullmatch(r"INFO\|.*\|\[\S+ log_value\] the node says 1", line) for line in lines)


def test_without_a_configuration_the_project_logs_to_standard_error(make_project, command) -> None:
    assert "the node says 1" in command("run", make_project(NODES)).stderr


def test_a_server_logs_as_configured(project: Path, start) -> None:
    import httpx

    server = start("kedro_asgi", "serve", project)
    run_id = httpx.post(f"{server.url}/run", json={}).json()["run_id"]
    # A thread writes the lines a moment later.
    for text in (f"[{run_id} log_value] the node says 1", f"Pipeline run {run_id} completed"):
        until(lambda text=text: text in (project / "info.log").read_text())


LINES = """
import logging, threading
from kedro_asgi.pipeline import Pipeline, node

both = threading.Barrier(2)

def tell(a):
    both.wait(30)
    logging.getLogger(__name__).info("first %s\\n2026-01-01 forged \\x1b[31m", a)
    logging.getLogger("elsewhere").warning("of another package")
    return a

def register_pipelines():
    return {"__default__": Pipeline([node(tell, "params:a", "out", name="tell")])}
"""


async def _two_runs(url: str) -> list[str]:
    import anyio
    import httpx

    answers: list[dict] = []

    async def run(value: int) -> None:
        answers.append((await client.post(f"{url}/run", json={"params": {"a": value}})).json())

    async with httpx.AsyncClient(timeout=60) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(run, 1)
        tasks.start_soon(run, 2)
    return [answer["run_id"] for answer in answers]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_every_line_of_two_runs_at_a_time_names_its_run(make_project, start) -> None:
    import httpx

    server = start("kedro_asgi", "serve", make_project(LINES))
    run_ids = await _two_runs(server.url)
    httpx.post(f"{server.url}/run", json={"pipeline_names": ["no\n2026-01-01 forged"]})
    # The greeting ends with an empty line.
    lines = server.log_with("named 'no", "POST /run").partition("\n\n")[2].splitlines()
    for run_id in run_ids:
        assert any(re.search(rf"INFO .*\[{run_id} tell\] first \d$", line) for line in lines)
        assert any(line.endswith(f"[{run_id} tell] of another package") for line in lines)
    assert all(
        line.startswith("    ") or re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]", line) for line in lines
    )
    assert "    2026-01-01 forged \\x1b[31m" in lines
    assert "named 'no\\n2026-01-01 forged'" in server.log()
    assert any("uvicorn.access" in line for line in lines)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_lines_may_be_json_with_the_run_the_pipeline_and_the_node_as_fields(make_project, start) -> None:
    project = make_project(LINES, files={"conf/logging.yml": LOGGING})
    options = ("--log-format", "json", "--log-level", "debug", "--no-access-log")
    server = start("kedro_asgi", "serve", project, *options)
    run_ids = await _two_runs(server.url)
    log = server.log_with(*(f"Pipeline run {run_id} completed" for run_id in run_ids))
    # The last line may not be whole yet.
    lines = [json.loads(line) for line in log.split("\n")[:-1]]
    for run_id in run_ids:
        of_run = [line for line in lines if line["run_id"] == run_id]
        told = next(line for line in of_run if line["message"].startswith("first"))
        assert (told["pipeline"], told["node"], told["level"]) == ("__default__", "tell", "INFO")
        assert any(line["message"].startswith("Running node: tell") for line in of_run)
        assert any(line["message"].startswith(f"Pipeline run {run_id} completed") for line in of_run)
    assert not [line for line in lines if line["logger"] == "uvicorn.access"]


@pytest.mark.parametrize(
    ("options", "environ"), [(("--log-level", "ERROR"), {}), ((), {"KEDRO_SERVER_LOG_LEVEL": "error"})]
)
def test_a_level_makes_the_server_quiet(tiny: Path, start, options: tuple[str, ...], environ: dict[str, str]) -> None:
    import httpx

    server = start("kedro_asgi", "serve", tiny, *options, **environ)
    assert httpx.post(f"{server.url}/run", json={}).json()["status"] == "success"
    assert "INFO" not in server.log()


def test_the_lines_of_a_run_on_the_command_line_name_it(make_project, command) -> None:
    done = command("run", make_project(NODES))
    run_id = re.search(r"Run (\S+) succeeded", done.stdout).group(1)
    assert re.search(rf"^[\d-]+ [\d:,]+ INFO .*: \[{run_id} log_value\] the node says 1$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("formatter", "expected"),
    [
        ({"format": "%(levelname)s %(message)s"}, "INFO [id n] text"),
        ({"format": "{message}", "style": "{"}, "[id n] text"),
        ({"format": "${message}", "style": "$"}, "[id n] text"),
        ({"format": "%(message)-8s|"}, "[id n] text    |"),
        ({"format": "%(run_id)s: %(message)s"}, "id: text"),
        ({"format": "%(run_id)s %(request_id)s %(trace_id)s: %(message)s"}, "id None None: text"),
        ({}, "[id n] text"),
    ],
)
def test_formatters_of_a_project_name_the_run(make_project, formatter: dict, expected: str) -> None:
    config = json.dumps({"formatters": {"own": formatter}, "handlers": {"h": {"class": "logging.NullHandler"}}})
    project = make_project(files={"conf/logging.yml": config})
    made = server_log_config(load_project(project), project)
    assert made["handlers"]["h"]["filters"]
    arguments = {key: value for key, value in made["formatters"]["own"].items() if key != "()"}
    record = logging.makeLogRecord({"msg": "text", "levelname": "INFO"})
    tokens = CURRENT_RUN.set(("id", ())), CURRENT_NODE.set("n")
    RunContextFilter().filter(record)
    CURRENT_RUN.reset(tokens[0])
    CURRENT_NODE.reset(tokens[1])
    assert TextFormatter(**arguments).format(record) == expected


def test_the_environment_may_name_another_file(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("root: {level: DEBUG}")
    assert read_logging_config(project, {"KEDRO_LOGGING_CONFIG": str(other)})["root"] == {"level": "DEBUG"}
    with pytest.raises(LoggingConfigError, match=r"nowhere\.yml.*No such file"):
        read_logging_config(project, {"KEDRO_LOGGING_CONFIG": str(tmp_path / "nowhere.yml")})


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        ('{"()": os.system}', "The '\\(\\)' key is not allowed"),
        ("{class: collections.OrderedDict}", "Module 'collections' .* is not permitted"),
        ("{class: logging.Nope}", "Class 'logging.Nope' not found"),
        ("{class: logging.Logger}", "Invalid logging class"),
    ],
)
def test_an_unsafe_configuration_is_refused(make_project, handler: str, problem: str) -> None:
    project = make_project(files={"conf/logging.yml": f"handlers:\n  h: {handler}\n"})
    with pytest.raises(LoggingConfigError, match=problem):
        read_logging_config(project, {})


def test_the_environment_may_allow_a_module(make_project) -> None:
    project = make_project(files={"conf/logging.yml": "handlers:\n  h: {class: uvicorn.logging.ColourizedFormatter}\n"})
    assert read_logging_config(project, {"KEDRO_LOGGING_MODULE_ALLOWLIST": "nope, uvicorn"})


def test_a_broken_configuration_is_one_line(make_project, command) -> None:
    done = command("run", make_project(files={"conf/logging.yml": "root: {handlers: [nope]}"}))
    assert done.returncode == 1
    assert "LoggingConfigError" in done.stderr or "ValueError: Logging configuration" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            "handlers: {null: {class: logging.NullHandler}}",
            "a name in 'handlers' must be text, not null: put it in quotes",
        ),
        ("handlers: {off: {class: logging.NullHandler}}", "must be text, not false"),
        ("handlers: [one]", "'handlers' must be a mapping, not \\[one\\]"),
        ("loggers: {kedro: }", "'kedro' in 'loggers' must be a mapping, not null"),
        ("root: {handlers: [null]}", "a handler of 'root' must be named by a text, not null"),
        ("root: WARNING", "'root' must be a mapping, not WARNING"),
    ],
)
def test_a_name_that_is_no_text_is_refused(make_project, config: str, problem: str) -> None:
    with pytest.raises(LoggingConfigError, match=problem):
        read_logging_config(make_project(files={"conf/logging.yml": config}), {})


@pytest.mark.parametrize("formatter", [{"style": "x"}, {"style": [1]}, {"format": 5}])
def test_a_formatter_that_cannot_be_made_is_left_to_logging_to_refuse(make_project, formatter: dict[str, Any]) -> None:
    project = make_project(files={"conf/logging.yml": json.dumps({"formatters": {"odd": formatter}})})
    assert server_log_config(load_project(project), project)["formatters"]["odd"] == formatter


def test_a_root_without_settings_takes_a_level(make_project) -> None:
    project = make_project(files={"conf/logging.yml": "root:"})
    assert server_log_config(load_project(project), project, level="error")["root"] == {"level": "ERROR"}


@pytest.mark.parametrize(
    "config",
    ["handlers:\n  null: {class: logging.NullHandler}", "root: {handlers: [nope]}", "formatters: {nope: {style: x}}"],
)
def test_a_configuration_that_cannot_be_applied_ends_serve_with_one_line(make_project, command, config: str) -> None:
    project = make_project(files={"conf/logging.yml": config})
    done = command("serve", project, "--port", "0", "--log-level", "info")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.search(r"logging\.yml|'nope'", line)
