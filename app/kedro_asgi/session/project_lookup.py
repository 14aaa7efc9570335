"""The project that a session opens: the one at a path, the current one, or the one around the working directory."""

from pathlib import Path

from kedro_asgi.errors import PackageNotConfiguredError
from kedro_asgi.project import (
    Project,
    bootstrap_project,
    configure_project,
    current_project,
    find_kedro_project,
    is_kedro_project,
    load_project,
    validate_settings,
)


def find_project(project_path: str | Path | None, *, package_name: str | None = None) -> tuple[Project, Path]:
    """Return the project and its folder; ``package_name`` names an installed package.

    Raises `PackageNotConfiguredError` where there is none at ``project_path``, and what reading its settings raises.
    """
    path = _project_path(project_path)
    if package_name is not None:
        found: Project | None = load_project(path, package_name=package_name)
    else:
        found = _project(path, is_given=project_path is not None)
    if found is None and project_path is not None:
        raise PackageNotConfiguredError(path)
    return validate_settings(found), path


def open_in_worker(package_name: str, project_path: Path | None) -> None:
    """Let nodes in a worker process find their project as they do in this process.

    A worker on another machine may have the package alone.
    """
    if project_path is None or not is_kedro_project(project_path):
        configure_project(package_name)
    else:
        bootstrap_project(project_path)


def _project_path(given: str | Path | None) -> Path:
    if given is not None:
        return Path(given).expanduser().resolve()
    project = current_project()
    if project is not None and project.project_path is not None:
        return project.project_path
    return (find_kedro_project(Path.cwd()) or Path.cwd()).resolve()


def _project(path: Path, *, is_given: bool) -> Project | None:
    """Return the project at ``path``; a package that was configured by name alone runs from any folder (PRJ-14)."""
    current = current_project()
    if current is not None and (current.project_path == path or not is_given):
        return current
    return load_project(path) if is_kedro_project(path) else current
