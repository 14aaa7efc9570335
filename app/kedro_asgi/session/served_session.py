"""Opens the project that a server serves, also in the processes that execute its runs."""

from collections.abc import Iterable
from pathlib import Path

from kedro_asgi.project import load_project
from kedro_asgi.session.service_session import KedroServiceSession


def open_served_session(
    *,
    project_path: Path,
    env: str | None,
    conf_source: str | None,
    preload: Iterable[str] | None,
    package_name: str | None,
    reload_signal: Path | None = None,
) -> KedroServiceSession:
    """Open a project for serving; a folder without one, or a broken ``pyproject.toml``, is reported before the rest."""
    load_project(project_path, package_name=package_name)
    return KedroServiceSession.create(
        project_path=project_path,
        env=env,
        conf_source=conf_source,
        serving_mode=True,
        preload=preload,
        package_name=package_name,
        reload_signal=reload_signal,
    )
