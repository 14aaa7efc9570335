"""Makes a `Project` from a folder, or from the name of a package."""

import logging
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from kedro_asgi.bridge import check_kedro_version, configure_kedro, preserve_logging
from kedro_asgi.errors import PackageConflictError, PackageNotConfiguredError, SourceNotFoundError
from kedro_asgi.project.metadata import ProjectMetadata, read_metadata
from kedro_asgi.project.options import ProjectOptions, read_options
from kedro_asgi.project.project import Project
from kedro_asgi.project.registry import PipelineRegistry
from kedro_asgi.python_modules import forget_modules, is_importable
from kedro_asgi.settings import Settings, read_settings

_log = logging.getLogger(__name__)


class _CurrentProject:
    """The project that was configured last: the default of sessions that get no path, as in Kedro."""

    project: Project | None = None
    loaded: Project | None = None


def loaded_project() -> Project | None:
    """Return the project that was read last in this process, also by a server that did not configure it."""
    return _CurrentProject.loaded


def current_project() -> Project | None:
    """Return the project that `bootstrap_project` or `configure_project` configured last in this process."""
    return _CurrentProject.project


def bootstrap_project(project_path: str | Path) -> Project:
    """Read the project at ``project_path``, make its package importable and remember it as the current project.

    A package that is installed needs no source folder. Raises what `read_metadata` raises, `SourceNotFoundError`, any
    error of ``settings.py``, `SettingsError`, and `PackageConflictError` if the package is already imported from a
    folder with other code. Leaves the logging of the process as it is (Q-4).
    """
    _CurrentProject.project = load_project(project_path)
    return _CurrentProject.project


def configure_project(package_name: str, preserve_logging: bool = True) -> Project:
    """Configure an importable package by name (packaged mode) and remember it as the current project.

    Leaves the logging of the process as it is, whatever ``preserve_logging`` says: Kedro has that argument.

    Does not import the package: if it is missing, `validate_settings` or the load of its pipelines raises (PRJ-13).
    Raises `PackageNotConfiguredError` if there is no name.
    """
    if not package_name:
        raise PackageNotConfiguredError
    _CurrentProject.project = _project(package_name, metadata=None)
    return _CurrentProject.project


def load_project(project_path: str | Path, *, package_name: str | None = None) -> Project:
    """Do what `bootstrap_project` does, but do not change the current project.

    ``package_name`` names an installed package whose configuration is at ``project_path`` (packaged mode); then no
    ``pyproject.toml`` is needed. Raises ``ModuleNotFoundError`` if there is no such package.
    """
    if package_name is not None:
        import_module(package_name)
        return _project(package_name, metadata=None)
    metadata = read_metadata(Path(project_path).expanduser().resolve())
    if metadata.source_dir.exists():
        _add_to_paths(str(metadata.source_dir))
    elif not is_importable(metadata.package_name):
        raise SourceNotFoundError(metadata.source_dir)
    return _project(metadata.package_name, metadata=metadata)


def validate_settings(project: Project | None = None) -> Project:
    """Return ``project``, by default the current one; warn if it has no ``settings.py``.

    Raises `PackageNotConfiguredError` if there is no project, and ``ModuleNotFoundError`` if its package is missing.
    """
    project = project or current_project()
    if project is None or not project.package_name:
        raise PackageNotConfiguredError
    import_module(project.package_name)
    if not _has_settings(project.package_name):
        _log.warning("No 'settings.py' found, defaults will be used.")
    return project


def _project(package_name: str, *, metadata: ProjectMetadata | None) -> Project:
    _forget_deleted(package_name)
    has_settings = _has_settings(package_name)
    if metadata is not None:
        _check_origin(package_name, metadata.source_dir)
    with preserve_logging():
        settings = read_settings(import_module(f"{package_name}.settings")) if has_settings else Settings()
    check_kedro_version()
    configure_kedro(package_name)
    _CurrentProject.loaded = Project(
        package_name=package_name,
        settings=settings,
        pipelines=PipelineRegistry(package_name),
        metadata=metadata,
        options=read_options(metadata.config_file) if metadata else ProjectOptions(),
    )
    return _CurrentProject.loaded


def _has_settings(package_name: str) -> bool:
    try:
        return find_spec(f"{package_name}.settings") is not None
    except ModuleNotFoundError as error:
        if error.name != package_name:
            raise
        return False


def _check_origin(package_name: str, source_dir: Path) -> None:
    """Refuse a package that is imported from elsewhere: Python imports a package once, so its code would run.

    A copy of the same code may take its place, as in a test that copies the project.
    """
    source = source_dir.joinpath(*package_name.split("."))
    module = sys.modules.get(package_name)
    origins = [Path(folder).resolve() for folder in getattr(module, "__path__", ())]
    if not source.is_dir() or not origins or any(origin.is_relative_to(source_dir) for origin in origins):
        return
    if _code(origins[0]) != _code(source):
        raise PackageConflictError(package_name, str(origins[0]), source_dir)


def _code(package: Path) -> dict[Path, bytes]:
    return {file.relative_to(package): file.read_bytes() for file in package.rglob("*.py")}


def _forget_deleted(package_name: str) -> None:
    """Let Python import the package again if it was imported from a folder that is gone."""
    folders = [Path(folder) for folder in getattr(sys.modules.get(package_name), "__path__", ())]
    if folders and not any(folder.exists() for folder in folders):
        forget_modules(package_name)


def _add_to_paths(source_dir: str) -> None:
    """Make the package importable in this process and in child processes."""
    if source_dir not in sys.path:
        sys.path.insert(0, source_dir)
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if source_dir not in entries:
        os.environ["PYTHONPATH"] = os.pathsep.join([source_dir, *entries])
