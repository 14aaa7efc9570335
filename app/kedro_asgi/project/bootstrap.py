"""Turn a folder, or the name of a package, into a `Project`."""

import logging
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from kedro_asgi.bridge import check_kedro_version, configure_kedro, preserve_logging
from kedro_asgi.errors import PackageConflictError, PackageNotConfiguredError
from kedro_asgi.project.metadata import ProjectMetadata, read_metadata
from kedro_asgi.project.options import ProjectOptions, read_options
from kedro_asgi.project.project import Project
from kedro_asgi.project.registry import PipelineRegistry
from kedro_asgi.settings import Settings, read_settings

_log = logging.getLogger(__name__)


class _Current:
    """The project that was configured last: the default of sessions that are given no path, as in Kedro."""

    project: Project | None = None


def current_project() -> Project | None:
    """Return the project that `bootstrap_project` or `configure_project` configured last in this process."""
    return _Current.project


def bootstrap_project(project_path: str | Path) -> Project:
    """Read the project at ``project_path``, make its package importable and remember it as the current one.

    Raises what PRJ-7 and PRJ-9 list, whatever ``settings.py`` raises, `SettingsError`, and
    `PackageConflictError` where the package is already imported from somewhere else. Logging is left alone (Q-4).
    """
    _Current.project = load_project(project_path)
    return _Current.project


def configure_project(package_name: str) -> Project:
    """Configure an importable package by name (packaged mode, PRJ-11) and remember it as the current project.

    A missing package is found out later, by `validate_settings` or the first look at its pipelines (PRJ-13).
    """
    _Current.project = _project(package_name, metadata=None)
    return _Current.project


def load_project(project_path: str | Path) -> Project:
    """Do what `bootstrap_project` does without touching the current project."""
    metadata = read_metadata(Path(project_path).expanduser().resolve())
    _add_to_paths(str(metadata.source_dir))
    return _project(metadata.package_name, metadata=metadata)


def validate_settings(project: Project | None = None) -> Project:
    """Return ``project``, by default the current one; says so where it has no settings of its own (PRJ-15).

    Raises PRJ-20's error without a project, and ``ModuleNotFoundError`` without its package.
    """
    project = project or current_project()
    if project is None:
        raise PackageNotConfiguredError
    import_module(project.package_name)
    if not _has_settings(project.package_name):
        _log.warning("No 'settings.py' found, defaults will be used.")
    return project


def _project(package_name: str, *, metadata: ProjectMetadata | None) -> Project:
    has_settings = _has_settings(package_name)
    if metadata is not None:
        _check_origin(package_name, metadata.source_dir)
    with preserve_logging():
        settings = read_settings(import_module(f"{package_name}.settings")) if has_settings else Settings()
    check_kedro_version()
    configure_kedro(package_name)
    return Project(
        package_name=package_name,
        settings=settings,
        pipelines=PipelineRegistry(package_name),
        metadata=metadata,
        options=read_options(metadata.config_file) if metadata else ProjectOptions(),
    )


def _has_settings(package_name: str) -> bool:
    try:
        return find_spec(f"{package_name}.settings") is not None
    except ModuleNotFoundError as error:
        if error.name != package_name:
            raise
        return False


def _check_origin(package_name: str, source_dir: Path) -> None:
    module = sys.modules.get(package_name)
    origins = [Path(folder).resolve() for folder in getattr(module, "__path__", ())]
    if origins and not any(origin.is_relative_to(source_dir) for origin in origins):
        raise PackageConflictError(package_name, str(origins[0]), source_dir)


def _add_to_paths(source_dir: str) -> None:
    """Make the package importable here and in child processes (PRJ-10; whole entries are compared, Q-4)."""
    if source_dir not in sys.path:
        sys.path.insert(0, source_dir)
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if source_dir not in entries:
        os.environ["PYTHONPATH"] = os.pathsep.join([source_dir, *entries])
