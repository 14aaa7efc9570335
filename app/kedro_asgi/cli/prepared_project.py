"""The steps of commands before their processes execute runs: read the project, configure logging, set variables."""

import os
from pathlib import Path
from typing import Any

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.logging_setup import apply_log_config, server_log_config
from kedro_asgi.cli.setting_variables import Setting, set_variables
from kedro_asgi.log_lines import LogFormat
from kedro_asgi.project import Project, load_project


def prepare_project(
    project_path: Path,
    *,
    log_level: str | None,
    log_format: LogFormat | None,
    package_name: str | None,
    **settings: Setting,
) -> tuple[Project, dict[str, Any]]:
    """Return the project and the configuration of logging; set the variables that each process reads."""
    with one_line_errors():
        project = load_project(project_path, package_name=package_name)
        log_config = server_log_config(project, project_path, level=log_level, log_format=log_format)
        apply_log_config(log_config, project_path)
    os.environ["KEDRO_PROJECT_PATH"] = str(project_path)
    set_variables(package_name=package_name, log_format=log_format, **settings)
    return project, log_config
