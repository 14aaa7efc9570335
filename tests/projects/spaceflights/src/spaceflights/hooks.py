"""What this project does around its runs."""

import logging
import threading
from time import perf_counter
from typing import Any

from kedro.framework.hooks import hook_impl

log = logging.getLogger(__name__)


class RunTimer:
    """Logs how long each node took, and which was the slowest of a run; runs may overlap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: dict[tuple[str, str], float] = {}
        self._seconds: dict[str, dict[str, float]] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any) -> None:
        log.info("Run %s has %d nodes", run_params["run_id"], len(pipeline.nodes))
        with self._lock:
            self._seconds[run_params["run_id"]] = {}

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Any, run_id: str) -> None:
        with self._lock:
            self._started[run_id, node.name] = perf_counter()

    @hook_impl
    def after_node_run(self, node: Any, outputs: dict[str, Any], run_id: str) -> None:
        with self._lock:
            seconds = perf_counter() - self._started.pop((run_id, node.name))
            self._seconds[run_id][node.name] = seconds
        log.info("%s [%s] made %s in %.3fs", node.short_name, node.namespace or "-", sorted(outputs), seconds)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], run_result: dict[str, Any]) -> None:
        with self._lock:
            seconds = self._seconds.pop(run_params["run_id"])
        if seconds:
            log.info("Slowest: %s; free outputs: %s", max(seconds, key=seconds.__getitem__), sorted(run_result))

    @hook_impl
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any]) -> None:
        with self._lock:
            self._seconds.pop(run_params["run_id"], None)
        log.error("Run %s failed: %s", run_params["run_id"], error)


class CatalogAudit:
    """Says which datasets a run may touch, and which it touched."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        log.info("%s in %s, prices in %s", context.project_path.name, context.env, context.params["currency"])

    @hook_impl
    def after_catalog_created(self, catalog: Any, conf_catalog: dict[str, Any], save_version: str | None) -> None:
        log.info("%d entries, %d names, saving %s", len(conf_catalog), len(list(catalog.keys())), save_version)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        log.debug("loaded %s: %s", dataset_name, type(data).__name__)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        log.debug("saving %s: %s", dataset_name, type(data).__name__)
