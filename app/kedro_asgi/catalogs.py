"""Compiles a project's catalog once, and makes each run's catalog from it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kedro_asgi.hooks import Call, hook_arguments
from kedro_asgi.io import CatalogResolver, Entry
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.validation import ValidatedParameters

MakeCatalog = Callable[..., Any]
"""Makes a catalog of a project's class, or of ours."""


def compile_catalog(
    entries: Mapping[str, Entry], credentials: Mapping[str, Entry], *, project_path: Path
) -> CatalogResolver:
    """Return entries and patterns with paths below the project; raises their errors."""
    resolver = CatalogResolver(entries, credentials, project_path=project_path)
    for name in entries:
        base_name(name)
    return resolver


def create_catalog(
    make_catalog: MakeCatalog,
    resolver: CatalogResolver,
    runtime: RuntimeParams,
    *,
    parameters: Callable[[], ValidatedParameters],
    is_validated: bool,
    save_version: str | None,
    load_versions: Mapping[str, str] | None,
    created: Call | None,
) -> Any:
    """Return a catalog for one run, with its parameters in it, after calling ``created``, the hook."""
    if resolver.type_selecting:
        resolver.check(runtime)
    versions = dict(load_versions) if load_versions else None
    catalog = make_catalog(config_resolver=resolver, load_versions=versions, save_version=save_version, runtime=runtime)
    catalog.validation_enabled = is_validated
    found = parameters()
    catalog.add_parameters(found.whole, found.models)
    if created is not None:
        # Copies of the whole configuration are only made for hooks that take them.
        arguments = hook_arguments(created)
        created(
            catalog=catalog,
            conf_catalog=resolver.resolved_config(runtime) if "conf_catalog" in arguments else {},
            conf_creds=resolver.credentials(runtime) if "conf_creds" in arguments else {},
            parameters=catalog.flat_parameters() if "parameters" in arguments else {},
            save_version=save_version,
            load_versions=versions,
        )
    return catalog
