"""Kedro's hook specifications, in the order of a run."""

# pluggy passes the declared arguments on by name; the bodies are empty on purpose.
from typing import Any

from kedro_asgi.hooks.markers import hook_spec


class KedroContextSpecs:
    """Once per run, before anything is built."""

    @hook_spec
    def after_context_created(self, context: Any) -> None:
        """The run's context exists; attributes may be added to it (HOOK-13)."""


class DataCatalogSpecs:
    """Once per run, when its catalog exists."""

    @hook_spec
    def after_catalog_created(
        self,
        catalog: Any,
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str,
        load_versions: dict[str, str] | None,
    ) -> None:
        """The catalog may be changed for this run (HOOK-13)."""


class PipelineSpecs:
    """Around the whole run."""

    @hook_spec
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """The run is about to start."""

    @hook_spec
    def after_pipeline_run(
        self, run_params: dict[str, Any], run_result: dict[str, Any], pipeline: Any, catalog: Any
    ) -> None:
        """Every node ran."""

    @hook_spec
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """The run failed; an exception raised here replaces ``error`` (HOOK-15)."""


class NodeSpecs:
    """Around each node."""

    @hook_spec
    def before_node_run(
        self, node: Any, catalog: Any, inputs: dict[str, Any], is_async: bool, run_id: str
    ) -> dict[str, Any] | None:
        """Return a dict to replace inputs of this node (HOOK-11)."""

    @hook_spec
    def after_node_run(
        self, node: Any, catalog: Any, inputs: dict[str, Any], outputs: dict[str, Any], is_async: bool, run_id: str
    ) -> None:
        """The function returned; ``outputs`` may be edited before they are saved (HOOK-12)."""

    @hook_spec
    def on_node_error(
        self, error: Exception, node: Any, catalog: Any, inputs: dict[str, Any], is_async: bool, run_id: str
    ) -> None:
        """The function raised."""


class DatasetSpecs:
    """Around each load and each save."""

    @hook_spec
    def before_dataset_loaded(self, dataset_name: str, node: Any) -> None:
        """A dataset is about to be loaded for ``node``."""

    @hook_spec
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Any) -> None:
        """A dataset was loaded for ``node``."""

    @hook_spec
    def before_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        """An output of ``node`` is about to be saved."""

    @hook_spec
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        """An output of ``node`` was saved."""
