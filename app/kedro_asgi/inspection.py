"""Take the snapshot of a project, without running it."""

import functools
import inspect
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro_asgi.bridge import is_kedro_default
from kedro_asgi.config import ConfigLoader, MissingConfigException
from kedro_asgi.errors import MissingEnvironmentError, SnapshotSourceError
from kedro_asgi.io import UncompiledCatalog
from kedro_asgi.io.patterns import is_pattern
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.plan import Planner
from kedro_asgi.project import Project, ProjectMetadata, bootstrap_project
from kedro_asgi.redaction import redact
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.runs import NO_PARAMS, RuntimeParams
from kedro_asgi.snapshots import (
    DatasetSnapshot,
    NodeSnapshot,
    NodeSourceSnapshot,
    PipelineSnapshot,
    ProjectMetadataSnapshot,
    ProjectSnapshot,
)
from kedro_asgi.versions import kedro_version


def get_project_snapshot(
    project_path: str | Path | None = None,
    env: str | None = None,
    conf_source: str | None = None,
    metadata: Project | ProjectMetadata | None = None,
    runtime_params: Mapping[str, Any] | None = None,
) -> ProjectSnapshot:
    """Read the project at ``project_path`` and return its snapshot, without running or making anything.

    ``metadata`` is what `bootstrap_project` returned; with it the project is not read again, and its folder beats
    ``project_path``. Raises ``ValueError`` without either, and the errors of `inspect_project`.
    """
    if metadata is not None:
        _warn_of_other_folder(metadata, project_path)
    elif project_path is None:
        raise SnapshotSourceError
    project = metadata if isinstance(metadata, Project) else _bootstrap(metadata, project_path)
    folder = project.project_path or Path.cwd()
    loader = project.settings.config_loader_class
    planner = Planner(
        project,
        project_path=folder,
        env=env or os.environ.get("KEDRO_ENV") or None,
        conf_source=conf_source or folder / project.settings.conf_source,
        selective=False,
        loader_class=None if loader in (None, ConfigLoader) or is_kedro_default(loader) else loader,
    )
    return inspect_project(planner, runtime_params)


def _warn_of_other_folder(metadata: Project | ProjectMetadata, project_path: str | Path | None) -> None:
    folder = metadata.project_path
    if project_path is not None and folder is not None and Path(project_path).expanduser().resolve() != folder:
        warnings.warn(
            f"'project_path' ({project_path}) is not the folder of 'metadata' ({folder}), which is used.",
            UserWarning,
            stacklevel=3,
        )


def _bootstrap(metadata: ProjectMetadata | None, project_path: str | Path | None) -> Project:
    return bootstrap_project(metadata.project_path if metadata else project_path or "")


def inspect_project(planner: Planner, runtime_params: Mapping[str, Any] | None = None) -> ProjectSnapshot:
    """Return the pipelines, datasets and parameters of the project, with ``runtime_params`` applied.

    Imports no dataset class and constructs nothing. Raises the errors of loading the pipelines and the configuration,
    also for a missing environment (Q-38); an absent catalog or parameters file is empty.
    """
    pipelines = planner.project.pipelines.load()
    # This constructs nothing, so a caller's value may be a type (SRV-52).
    runtime = RuntimeParams(values=runtime_params or {}, restrict_type_selection=False)
    return ProjectSnapshot(
        metadata=_metadata(planner.project),
        pipelines=tuple(_pipeline(name, found, planner.project_path) for name, found in pipelines.items()),
        datasets=_datasets(_resolve(planner, "catalog", runtime), pipelines),
        parameters=tuple(sorted(map(str, _parameters(planner, runtime)))),
    )


def _metadata(project: Project) -> ProjectMetadataSnapshot:
    version = project.metadata.kedro_init_version if project.metadata else kedro_version()
    return ProjectMetadataSnapshot(
        project_name=project.project_name, package_name=project.package_name, kedro_version=version
    )


def _pipeline(name: str, pipeline: Pipeline, root: Path) -> PipelineSnapshot:
    return PipelineSnapshot(
        name=name,
        nodes=tuple(describe_node(node, root) for node in pipeline.nodes),
        inputs=tuple(sorted(pipeline.inputs())),
        outputs=tuple(sorted(pipeline.outputs())),
    )


def describe_node(node: Node, root: Path) -> NodeSnapshot:
    """Return the description of a node; ``root`` is the project's folder."""
    return NodeSnapshot(
        name=node.name,
        func_name=_func_name(node.func),
        namespace=node.namespace,
        tags=tuple(sorted(node.tags)),
        inputs=tuple(node.inputs),
        outputs=tuple(node.outputs),
        source=_source(node.func, root),
    )


def _func_name(func: Any) -> str:
    """Return a name; a callable object goes by its class, since its own text holds an address (Q-37)."""
    if isinstance(func, functools.partial):
        return "<partial>"
    return getattr(func, "__name__", None) or type(func).__qualname__


def _source(func: Any, root: Path) -> NodeSourceSnapshot | None:
    func = inspect.unwrap(func)
    if not (inspect.isfunction(func) or inspect.ismethod(func)) or func.__name__ == "<lambda>":
        return None
    try:
        file = Path(inspect.getsourcefile(func) or "").resolve()
        lines, start = inspect.getsourcelines(func)
    except (OSError, TypeError):
        return None
    if not file.is_relative_to(root):
        return None
    return NodeSourceSnapshot(
        filepath=file.relative_to(root).as_posix(), line_start=start, line_end=start + len(lines) - 1
    )


def _resolve(planner: Planner, key: str, runtime: RuntimeParams) -> Mapping[str, Any]:
    """Return one kind of configuration, empty if it has no files; a missing environment is an error (Q-38)."""
    try:
        return planner.read(key, runtime)
    except MissingEnvironmentError:
        raise
    except MissingConfigException:
        return {}


def _parameters(planner: Planner, runtime: RuntimeParams) -> Mapping[str, Any]:
    return _resolve(planner, "parameters", runtime) or runtime.values


def catalog_entries(planner: Planner, pipelines: Mapping[str, Pipeline]) -> dict[str, Mapping[str, Any]]:
    """Return the catalog's entries, and those that its patterns have for the datasets of ``pipelines``.

    They hold what the project's files hold, so a path or a URL may contain credentials. Raises the errors of the
    configuration.
    """
    return dict(_entries(_resolve(planner, "catalog", NO_PARAMS), pipelines))


def _datasets(catalog: Mapping[str, Any], pipelines: Mapping[str, Pipeline]) -> dict[str, DatasetSnapshot]:
    return {name: _dataset(name, entry) for name, entry in _entries(catalog, pipelines)}


def _entries(catalog: Mapping[str, Any], pipelines: Mapping[str, Pipeline]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the explicit entries, then those of patterns for the names that pipelines use."""
    for name, entry in catalog.items():
        if not is_pattern(name) and not name.startswith("_") and isinstance(entry, Mapping):
            yield name, entry
    uncompiled = UncompiledCatalog(catalog)
    used = {name for pipeline in pipelines.values() for name in pipeline.datasets()}
    for name in sorted(used - catalog.keys()):
        entry = uncompiled.entry(name)
        if isinstance(entry, Mapping) and not is_parameter(name):
            yield name, entry


def _dataset(name: str, entry: Mapping[str, Any]) -> DatasetSnapshot:
    filepath = entry.get("filepath")
    return DatasetSnapshot(
        name=name, type=entry.get("type", ""), filepath=redact(filepath) if isinstance(filepath, str) else filepath
    )
