"""Finds the pipelines of a package by the layout of its folders."""

import traceback
import warnings
from collections.abc import Iterable
from importlib import import_module
from importlib.resources import files
from types import ModuleType

from kedro_asgi.bridge import convert_pipeline
from kedro_asgi.errors import DiscoveryError
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project.bootstrap import current_project
from kedro_asgi.project.pipeline_modules import pipeline_modules
from kedro_asgi.project.registry import Discovery, current_discovery
from kedro_asgi.reserved_names import DEFAULT_PIPELINE


def find_pipelines(raise_errors: bool = False, pipelines_to_find: Iterable[str] | None = None) -> dict[str, Pipeline]:
    """Call ``create_pipeline()`` of every ``<package>.pipelines.<name>``; return the pipelines, sorted by name (Q-12).

    The package is that of the project whose registry is loading, else of the current project; raises
    `DiscoveryError` if there is neither. What a session requests takes precedence over ``pipelines_to_find``.
    Problems are warnings, or errors with ``raise_errors``.
    """
    discovery = current_discovery() or _discovery_of_current_project()
    requested = discovery.requested
    wanted = requested
    if wanted is None and pipelines_to_find is not None:
        wanted = frozenset(pipelines_to_find)
    finder = _Finder(discovery.package_name, raise_errors=raise_errors)
    if wanted is None or DEFAULT_PIPELINE in wanted:
        return {DEFAULT_PIPELINE: finder.one_file_pipeline(), **finder.collect(finder.names())}
    if requested is not None:
        # The session raises an error for the names that do not exist.
        return finder.collect(name for name in finder.names() if name in wanted)
    if wanted and not finder.has_folder():
        finder.report_missing(sorted(wanted))
        return {}
    return finder.collect(sorted(wanted))


def _discovery_of_current_project() -> Discovery:
    project = current_project()
    if project is None:
        raise DiscoveryError
    return Discovery(package_name=project.package_name)


class _Finder:
    def __init__(self, package_name: str, *, raise_errors: bool) -> None:
        self._package_name = package_name
        self._folder = files(package_name) / "pipelines"
        self._raise_errors = raise_errors

    def has_folder(self) -> bool:
        return self._folder.is_dir()

    def names(self) -> list[str]:
        return pipeline_modules(self._package_name)

    def one_file_pipeline(self) -> Pipeline:
        """Return the pipeline of ``<package>/pipeline.py``; an empty one if there is no such file."""
        module_name = f"{self._package_name}.pipeline"
        if not any((files(self._package_name) / name).is_file() for name in ("pipeline.py", "pipeline")):
            return Pipeline([])
        return self._create(module_name) or Pipeline([])

    def collect(self, names: Iterable[str]) -> dict[str, Pipeline]:
        found = {name: self._create(f"{self._package_name}.pipelines.{name}") for name in names}
        if self._raise_errors and (empty := [name for name, made in found.items() if made is None]):
            raise KeyError(f"Pipeline '{empty[0]}' not found")
        return {name: made for name, made in found.items() if made is not None}

    def report_missing(self, names: list[str]) -> None:
        message = f"Pipeline(s) not found: {', '.join(names)}"
        if self._raise_errors:
            raise KeyError(message)
        warnings.warn(message, UserWarning, stacklevel=3)

    def _create(self, module_name: str) -> Pipeline | None:
        module = self._import(module_name)
        if module is None:
            return None
        if not hasattr(module, "create_pipeline"):
            return self._warn(f"The '{module_name}' module does not expose a 'create_pipeline' function.")
        made = convert_pipeline(module.create_pipeline())
        if not isinstance(made, Pipeline):
            return self._warn(
                f"Expected the 'create_pipeline' function in the '{module_name}' module to return a 'Pipeline' "
                f"object, got '{type(made).__name__}' instead."
            )
        return made

    def _import(self, module_name: str) -> ModuleType | None:
        try:
            return import_module(module_name)
        except Exception as error:
            message = f"An error occurred while importing the '{module_name}' module."
            if self._raise_errors:
                raise ImportError(f"{message} {type(error).__name__}: {error}") from error
            self._warn(f"{message} Nothing defined therein is used.\n\n{traceback.format_exc()}")
            return None

    @staticmethod
    def _warn(message: str) -> None:
        warnings.warn(message, UserWarning, stacklevel=4)
