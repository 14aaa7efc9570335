"""A project's ``conf/logging.yml``: the commands apply it, and refuse an unsafe one (PRJ-36)."""

from pathlib import Path

import pytest

from kedro_asgi.cli.logging_config import read_logging_config
from kedro_asgi.errors import LoggingConfigError

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
    assert any(line.endswith("|the node says 1") for line in lines)


def test_without_a_configuration_the_project_logs_to_standard_error(make_project, command) -> None:
    assert "the node says 1" in command("run", make_project(NODES)).stderr


def test_a_server_logs_as_configured(project: Path, start) -> None:
    import httpx

    server = start("kedro_asgi", "serve", project)
    assert httpx.post(f"{server.url}/run", json={}).json()["status"] == "success"
    log = (project / "info.log").read_text()
    assert "the node says 1" in log
    assert "Pipeline run " in log


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
