"""The logging configuration of a project, under Kedro's names."""

import logging
from pathlib import Path

import pytest

from kedro_asgi.errors import LoggingConfigError
from kedro_asgi.project import LOGGING, bootstrap_project, configure_logging
from kedro_asgi.project.project_logging import ProjectLogging

LOGGING_CONFIG = """
version: 1
disable_existing_loggers: false
filters: {runs: {class: kedro_asgi.run_context.RunContextFilter}}
handlers: {file: {class: logging.FileHandler, filename: own.log, filters: [runs]}}
loggers: {project_names: {level: DEBUG, handlers: [file]}}
"""


def test_the_logging_of_a_project_is_read_and_applied_when_asked(
    make_project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = make_project(files={"conf/logging.yml": LOGGING_CONFIG})
    bootstrap_project(project)
    monkeypatch.setenv("KEDRO_LOGGING_MODULE_ALLOWLIST", "kedro_asgi.run_context")
    own = ProjectLogging()
    assert own["loggers"]["project_names"]["level"] == "DEBUG"
    assert logging.getLogger("project_names").level == logging.NOTSET
    own.set_project_logging("project_names_too")
    try:
        for name, level in (("project_names", logging.DEBUG), ("project_names_too", logging.INFO)):
            assert logging.getLogger(name).level == level
        logging.getLogger("project_names").debug("written")
        assert (project / "own.log").read_text() == "written\n"
    finally:
        own.configure({"version": 1, "disable_existing_loggers": False, "incremental": False})
        for handler in logging.getLogger("project_names").handlers[:]:
            logging.getLogger("project_names").removeHandler(handler)
            handler.close()
    other = tmp_path / "other.yml"
    other.write_text("formatters: {plain: {format: '%(message)s'}}\n")
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", str(other))
    assert "plain" in ProjectLogging().data["formatters"]
    assert LOGGING["formatters"] == {"plain": {"format": "%(message)s"}}


@pytest.mark.parametrize("config", [[], {"handlers": {"h": {"()": "os.system"}}}, {"version": 9}])
def test_a_logging_configuration_that_cannot_be_used_is_refused(config: object) -> None:
    with pytest.raises(LoggingConfigError):
        configure_logging(config)
