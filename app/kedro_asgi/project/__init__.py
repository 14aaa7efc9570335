"""Finds a Kedro-format project and reads it into a `Project`."""

from kedro_asgi.project.bootstrap import (
    bootstrap_project,
    configure_project,
    current_project,
    load_project,
    validate_settings,
)
from kedro_asgi.project.current import pipelines, settings
from kedro_asgi.project.discovery import find_pipelines
from kedro_asgi.project.metadata import ProjectMetadata, find_kedro_project, is_kedro_project
from kedro_asgi.project.project import Project

__all__ = [
    "Project",
    "ProjectMetadata",
    "bootstrap_project",
    "configure_project",
    "current_project",
    "find_kedro_project",
    "find_pipelines",
    "is_kedro_project",
    "load_project",
    "pipelines",
    "settings",
    "validate_settings",
]
