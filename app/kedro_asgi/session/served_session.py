"""Opens the project that a server serves, also in the processes that execute its runs."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_asgi.collector import collector_paused
from kedro_asgi.errors import ProjectError
from kedro_asgi.errors.wording import close_matches, suggestion

if TYPE_CHECKING:
    from kedro_asgi.project import Project
    from kedro_asgi.session.service_session import KedroServiceSession

_log = logging.getLogger(__name__)


def open_served_session(
    *,
    project_path: Path,
    env: str | None,
    conf_source: str | None,
    preload: Iterable[str] | None,
    package_name: str | None,
    reload_signal: Path | None = None,
) -> "KedroServiceSession":
    """Open a project for serving; a folder without one, or a broken ``pyproject.toml``, is reported before the rest."""
    with collector_paused():
        # Imports the engine, in the thread that opens the project.
        from kedro_asgi.project import load_project
        from kedro_asgi.session.service_session import KedroServiceSession

        load_project(project_path, package_name=package_name)
        session = KedroServiceSession.create(
            project_path=project_path,
            env=env,
            conf_source=conf_source,
            serving_mode=True,
            preload=preload,
            package_name=package_name,
            reload_signal=reload_signal,
        )
    _warn_of_unknown_pipelines(session.engine.planner.project)
    _check_pipelines_of_webhooks(session.engine.planner.project)
    return session


def _warn_of_unknown_pipelines(project: "Project") -> None:
    """Warn of executors and resources for pipelines that the project does not have."""
    named = {"executors": project.options.executors, "dask.resources": project.options.dask.resources}
    known = project.pipelines.load() if any(named.values()) else {}
    for section, pipelines in named.items():
        for name in sorted(pipelines.keys() - known.keys()):
            hint = suggestion(close_matches(name, known))
            _log.warning("[tool.kedro-asgi.%s] names '%s', but there is no such pipeline.%s", section, name, hint)


def _check_pipelines_of_webhooks(project: "Project") -> None:
    """Raise `ProjectError` for a webhook whose runs no caller can start: it would be silent for ever."""
    for name, webhook in project.options.notify.items():
        known = project.pipelines.load() if webhook.pipelines else {}
        if unknown := [pipeline for pipeline in webhook.pipelines or () if pipeline not in known]:
            hint = suggestion(close_matches(unknown[0], known))
            raise ProjectError(
                f"[tool.kedro-asgi.notify.{name}] names the pipeline '{unknown[0]}', but there is none.{hint}"
            )
