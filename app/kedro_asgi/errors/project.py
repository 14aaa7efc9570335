"""Errors of projects: ``pyproject.toml``, ``settings.py``, the pipeline registry, plugins and their hooks."""

from collections.abc import Iterable
from pathlib import Path

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase
from kedro_asgi.errors.wording import close_matches


class ProjectError(ReportedAsBase, RuntimeError):
    """A project cannot be read: its ``pyproject.toml``, its source folder or its package is at fault."""


class ScheduleError(ProjectError):
    """A schedule in ``pyproject.toml`` is at fault."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"Section [tool.kedro-asgi.schedules.{name}]: {problem}")


class ProjectVersionError(ReportedAsBase, ValueError):
    """A project was made for another major version of Kedro."""

    def __init__(self, project_version: str, kedro_version: str) -> None:
        self.project_version, self.kedro_version = project_version, kedro_version
        super().__init__(
            f"Your Kedro project version {project_version} does not match Kedro package version {kedro_version} "
            "you are running. Migrate the project, then set 'kedro_init_version' in 'pyproject.toml' to that version."
        )


class SourcePathError(ReportedAsBase, ValueError):
    """``source_dir`` leads out of the project."""

    def __init__(self, source_dir: Path, project_path: Path) -> None:
        self.source_dir, self.project_path = source_dir, project_path
        super().__init__(f"Source path '{source_dir}' has to be relative to your project root '{project_path}'.")


class SourceNotFoundError(ReportedAsBase, NotADirectoryError):
    """``source_dir`` does not exist."""

    def __init__(self, source_dir: Path) -> None:
        self.source_dir = source_dir
        super().__init__(f"Source path '{source_dir}' cannot be found.")


class PackageNotConfiguredError(ReportedAsBase, ValueError):
    """The caller named no project, and the process has configured none."""

    def __init__(self, searched: Path | None = None) -> None:
        self.searched = searched
        where = f" There is no Kedro project at '{searched}'." if searched is not None else ""
        super().__init__(
            f"Package name not found. Make sure you have configured the project using 'bootstrap_project'.{where}"
        )


class SnapshotSourceError(ReportedAsBase, ValueError):
    """The caller asks for the snapshot of no project."""

    def __init__(self) -> None:
        super().__init__("Either project_path or metadata must be provided.")


class PackageConflictError(KedroAsgiError, RuntimeError):
    """Two projects in one process share a package name; Python can import only one of them."""

    def __init__(self, package_name: str, imported_from: str, wanted: Path) -> None:
        self.package_name = package_name
        super().__init__(
            f"Package '{package_name}' of the project at '{wanted}' is already imported from "
            f"'{imported_from}'. Projects that share a process need different package names."
        )


class SettingsError(KedroAsgiError, ValueError):
    """A value in ``settings.py`` cannot be used."""

    kedro_type = "ValidationError"


class SettingTypeError(SettingsError, TypeError):
    """A value in ``settings.py`` has the wrong type."""

    kedro_type = "TypeError"


class RegistryError(ReportedAsBase, TypeError):
    """``register_pipelines`` returned something other than pipelines by name."""

    def __init__(self, package_name: str, reason: str) -> None:
        self.package_name = package_name
        super().__init__(f"'register_pipelines' of '{package_name}.pipeline_registry' {reason}.")


class DiscoveryError(ReportedAsBase, RuntimeError):
    """`find_pipelines` was called before any project was configured."""

    def __init__(self) -> None:
        super().__init__("'find_pipelines' cannot be called before the project is configured.")


class PipelineNotFoundError(ReportedAsBase, ValueError):
    """No pipeline of that name is registered; ``problem`` says why its module cannot be imported, if that is so."""

    def __init__(self, name: str, known: Iterable[str], problem: str = "") -> None:
        self.name, self.problem = name, problem
        self.matches = [] if problem else close_matches(name, known)
        hint = "\n".join(["Did you mean one of these instead?", *(f"    {m}" for m in self.matches)])
        super().__init__(
            f"Failed to find the pipeline named '{name}'. It needs to be generated and returned by the "
            f"'register_pipelines' function. {hint if self.matches else ''}"
            + (f"Its module cannot be imported: {problem}" if problem else "")
        )


class BridgeError(KedroAsgiError):
    """An object of a Kedro project has no counterpart in kedro-asgi."""


class KedroVersionError(BridgeError):
    """The bridge does not support the installed Kedro."""

    def __init__(self, installed: str, oldest: str, newest: str) -> None:
        super().__init__(
            f"This project uses Kedro {installed}, but kedro-asgi supports Kedro {oldest} to {newest}. "
            "Upgrade Kedro: `pip install -U kedro`."
        )


class PluginError(ReportedAsBase, ImportError):
    """Python cannot import the hooks of an installed distribution."""

    def __init__(self, distribution: str, target: str, cause: Exception) -> None:
        self.distribution = distribution
        super().__init__(
            f"The hooks of plugin '{distribution}' cannot be imported from '{target}': {type(cause).__name__}: "
            f"{cause}. To run without them, add '{distribution}' to DISABLE_HOOKS_FOR_PLUGINS in settings.py."
        )


class HookResultError(ReportedAsBase, TypeError):
    """A ``before_node_run`` hook returned something other than a mapping of inputs."""

    def __init__(self, result: object) -> None:
        super().__init__(
            "'before_node_run' must return either None or a dictionary mapping dataset names to updated values, "
            f"got '{type(result).__name__}' instead."
        )


class LoggingConfigError(ReportedAsBase, ValueError):
    """A project's logging configuration cannot be used."""

    def __init__(self, file: Path | None, problem: str) -> None:
        self.file = file
        place = f" '{file}'" if file else ""
        super().__init__(f"Logging configuration{place}: {problem}")


class StarterError(KedroAsgiError, ValueError):
    """A new project cannot be written: its name or its folder cannot be used."""
