"""Finds a Kedro-format project and reads it into a `Project`."""

from kedro_asgi.project.bootstrap import bootstrap_project as bootstrap_project
from kedro_asgi.project.bootstrap import configure_project as configure_project
from kedro_asgi.project.bootstrap import current_project as current_project
from kedro_asgi.project.bootstrap import load_project as load_project
from kedro_asgi.project.bootstrap import validate_settings as validate_settings
from kedro_asgi.project.current import pipelines as pipelines
from kedro_asgi.project.current import settings as settings
from kedro_asgi.project.discovery import find_pipelines as find_pipelines
from kedro_asgi.project.metadata import ProjectMetadata as ProjectMetadata
from kedro_asgi.project.metadata import find_kedro_project as find_kedro_project
from kedro_asgi.project.metadata import is_kedro_project as is_kedro_project
from kedro_asgi.project.project import Project as Project
from kedro_asgi.project.project_logging import LOGGING as LOGGING
from kedro_asgi.project.project_logging import configure_logging as configure_logging
