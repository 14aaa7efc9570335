"""Converts the objects of a real Kedro project when the project is loaded; never imports Kedro first."""

from kedro_asgi.bridge.catalog import KedroCatalog, catalog_class
from kedro_asgi.bridge.global_state import (
    check_kedro_version,
    configure_kedro,
    is_kedro_class,
    is_kedro_imported,
    kedro_configured,
)
from kedro_asgi.bridge.kedro_types import KedroInstance, kedro_class
from kedro_asgi.bridge.loader import is_compiled, loader_class
from kedro_asgi.bridge.logging_state import preserve_logging
from kedro_asgi.bridge.package_source import may_import_kedro
from kedro_asgi.bridge.pipelines import as_kedro_pipeline, convert_pipeline, convert_pipelines

__all__ = [
    "KedroCatalog",
    "KedroInstance",
    "as_kedro_pipeline",
    "catalog_class",
    "check_kedro_version",
    "configure_kedro",
    "convert_pipeline",
    "convert_pipelines",
    "is_compiled",
    "is_kedro_class",
    "is_kedro_imported",
    "kedro_class",
    "kedro_configured",
    "loader_class",
    "may_import_kedro",
    "preserve_logging",
]
