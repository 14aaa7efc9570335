"""A real Kedro project's objects, made ours when the project is loaded; Kedro itself is never imported first."""

from kedro_asgi.bridge.catalog import KedroCatalog, catalog_class
from kedro_asgi.bridge.global_state import check_version, configure, configured, is_imported, is_kedros
from kedro_asgi.bridge.kedro_types import Alike, passing_for
from kedro_asgi.bridge.loader import loader_class
from kedro_asgi.bridge.logs import logging_left_alone
from kedro_asgi.bridge.pipelines import adopted_pipeline, adopted_pipelines, as_kedros_pipeline

__all__ = [
    "Alike",
    "KedroCatalog",
    "adopted_pipeline",
    "adopted_pipelines",
    "as_kedros_pipeline",
    "catalog_class",
    "check_version",
    "configure",
    "configured",
    "is_imported",
    "is_kedros",
    "loader_class",
    "logging_left_alone",
    "passing_for",
]
