"""Opens a project for a notebook: its current code and configuration, as variables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.io import DataCatalog
from kedro_asgi.ipython.notebook_session import NotebookSession
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project import bootstrap_project
from kedro_asgi.project.metadata import read_metadata
from kedro_asgi.python_modules import forget_modules
from kedro_asgi.session import KedroContext


class RegisteredPipelines(dict[str, Pipeline]):
    """The pipelines of the project by name, as they were when it was read; a notebook shows them as a table."""


class ProjectVariables(msgspec.Struct, frozen=True, kw_only=True):
    """The variables of a notebook whose project is open."""

    context: KedroContext
    catalog: DataCatalog
    pipelines: RegisteredPipelines
    session: NotebookSession


def open_project(
    project_path: Path, *, env: str | None, conf_source: str | None, params: Mapping[str, Any]
) -> ProjectVariables:
    """Import the project's package anew, read its configuration, and load its pipelines.

    Raises the errors of each.
    """
    forget_modules(read_metadata(project_path).package_name)
    project = bootstrap_project(project_path)
    session = NotebookSession.create(project_path=project_path, env=env, conf_source=conf_source)
    session.default_params = params
    context = session.load_context()
    pipelines = RegisteredPipelines(project.pipelines.load())
    return ProjectVariables(context=context, catalog=context.catalog, pipelines=pipelines, session=session)
