"""The section ``[tool.kedro-asgi]`` of a project's ``pyproject.toml``."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from kedro_asgi.batching_options import BatchingOptions, read_batching
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.errors import ProjectError
from kedro_asgi.executor_kind import ExecutorKind
from kedro_asgi.retries import ProjectRetries
from kedro_asgi.webhook_options import WebhookName, WebhookOptions

_SECTION = "kedro-asgi"


AllowedPath = Annotated[str, msgspec.Meta(pattern=r"^(/|~|[A-Za-z]:[/\\\\]|[A-Za-z][A-Za-z0-9+.-]*://)")]
"""An absolute folder, one below a home folder, or a URL."""


class ProjectOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The project's options for kedro-asgi.

    ``plugins`` turns the hooks of installed distributions on or off by name; all but those of kedro-telemetry are on by
    default. ``preload`` lists names and patterns of datasets that a server loads once for all runs. ``dashboard`` of
    ``false`` turns the pages of a server off, and ``docs`` of ``false`` the one at ``/docs``; ``viz`` of ``true`` makes
    it answer the front end of kedro-viz, and ``mcp`` the tool calls of agents. ``retries`` says which nodes and runs
    are tried again. ``executor`` says whether a server executes runs in threads, in processes or on a Dask cluster, and
    ``executors`` says so for the runs of single pipelines; ``dask`` describes the cluster. ``allowed_paths`` are
    folders and URLs to which a caller's parameters may lead the path of a dataset. ``hidden_values`` are patterns of
    names. Records and schemas leave out the values of these names, as they do for names such as ``password``.
    ``schedules`` are runs that a server begins itself, by name. ``notify`` names the webhooks that a server tells of
    the ends of runs. ``batching`` names pipelines whose concurrent requests a server joins to one run.
    ``open_inference`` of ``false`` makes it answer no client of the Open Inference Protocol.
    """

    plugins: Mapping[str, bool] = {}
    preload: tuple[str, ...] = ()
    dashboard: bool | None = None
    docs: bool | None = None
    viz: bool | None = None
    mcp: bool | None = None
    open_inference: bool | None = None
    retries: ProjectRetries | None = None
    executor: ExecutorKind | None = None
    executors: Mapping[str, ExecutorKind] = {}
    dask: DaskOptions = DaskOptions()
    allowed_paths: tuple[AllowedPath, ...] = ()
    hidden_values: tuple[str, ...] = ()
    schedules: Mapping[str, Mapping[str, Any]] = {}
    notify: Mapping[WebhookName, WebhookOptions] = {}
    batching: Mapping[str, BatchingOptions] = {}


def read_options(config_file: Path) -> ProjectOptions:
    """Read the section from ``config_file``; it may be missing. Raises `ProjectError` if it is invalid."""
    document = tomllib.loads(config_file.read_text(encoding="utf-8"))
    section = document.get("tool", {}).get(_SECTION, {})
    place = f"[tool.{_SECTION}]"
    try:
        for name, webhook in _tables(section, "notify"):
            # Each by itself, so that the error names it.
            place = f"[tool.{_SECTION}.notify.{name}]"
            msgspec.convert(webhook, WebhookOptions)
        place = f"[tool.{_SECTION}]"
        read_batching(dict(_tables(section, "batching")))
        return msgspec.convert(section, ProjectOptions)
    except ValueError as error:
        raise ProjectError(f"Section {place} of '{config_file}': {error}") from error


def _tables(section: Any, name: str) -> list[tuple[str, Any]]:
    tables = section.get(name) if isinstance(section, dict) else None
    return list(tables.items()) if isinstance(tables, dict) else []
