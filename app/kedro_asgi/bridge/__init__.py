"""Converts the objects of a real Kedro project when the project is loaded; never imports Kedro first."""

from kedro_asgi.bridge.catalog import KedroCatalog as KedroCatalog
from kedro_asgi.bridge.catalog import catalog_class as catalog_class
from kedro_asgi.bridge.global_state import check_kedro_version as check_kedro_version
from kedro_asgi.bridge.global_state import configure_kedro as configure_kedro
from kedro_asgi.bridge.global_state import is_kedro_class as is_kedro_class
from kedro_asgi.bridge.global_state import is_kedro_default as is_kedro_default
from kedro_asgi.bridge.global_state import is_kedro_imported as is_kedro_imported
from kedro_asgi.bridge.global_state import kedro_configured as kedro_configured
from kedro_asgi.bridge.kedro_types import KedroInstance as KedroInstance
from kedro_asgi.bridge.kedro_types import kedro_class as kedro_class
from kedro_asgi.bridge.loader import loader_class as loader_class
from kedro_asgi.bridge.logging_state import preserve_logging as preserve_logging
from kedro_asgi.bridge.package_source import may_import_kedro as may_import_kedro
from kedro_asgi.bridge.pipelines import as_kedro_pipeline as as_kedro_pipeline
from kedro_asgi.bridge.pipelines import convert_pipeline as convert_pipeline
from kedro_asgi.bridge.pipelines import convert_pipelines as convert_pipelines
