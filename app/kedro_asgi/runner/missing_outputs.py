"""Leave out the nodes whose outputs exist already."""

import logging
from collections.abc import Iterable, Iterator

from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.runner.resuming import is_name_persistent


def without_existing_outputs(pipeline: Pipeline, catalog: DataCatalog, *, log: logging.Logger) -> Pipeline:
    """Return the part of ``pipeline`` that has to run so that no persistent output is missing.

    Warns where nothing in the pipeline is persistent, since then nothing runs (Q-29).
    """
    outputs = _Outputs(catalog)
    children = pipeline.node_children
    needed: set[Node] = set()
    for node in reversed(pipeline.nodes):
        reason = _reason_to_run(node, needed.intersection(children[node]), outputs)
        if reason:
            log.debug("Node '%s' must run: %s", node.name, reason)
            needed.add(node)
    _log_skipped(pipeline, needed, outputs, log)
    return pipeline if len(needed) == len(pipeline.nodes) else Pipeline([n for n in pipeline.nodes if n in needed])


def _reason_to_run(node: Node, children: Iterable[Node], outputs: "_Outputs") -> str | None:
    """Say why ``node`` has to run before ``children``, which do; ``None`` if it need not."""
    if not node.outputs:
        return "has no outputs"
    if missing := next(filter(outputs.is_missing, node.outputs), None):
        return f"has missing output '{missing}'"
    passed = next(filter(outputs.is_unloadable, _passed_names(node, children)), None)
    return None if passed is None else f"produces '{passed}', which a node that runs needs"


def _passed_names(node: Node, children: Iterable[Node]) -> Iterator[str]:
    """Yield what ``children`` read of what ``node`` writes, under the names that they use (Q-29)."""
    written = {base_name(name) for name in node.outputs}
    return (name for child in children for name in child.inputs if base_name(name) in written)


class _Outputs:
    """Asks the catalog about outputs, once about each."""

    def __init__(self, catalog: DataCatalog) -> None:
        self._catalog = catalog
        self._known: dict[str, bool] = {}

    def is_persistent(self, name: str) -> bool:
        return is_name_persistent(name, self._catalog)

    def is_missing(self, name: str) -> bool:
        return self.is_persistent(name) and not self._exists(name)

    def is_unloadable(self, name: str) -> bool:
        return not self.is_persistent(name) or not self._exists(name)

    def _exists(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = self._catalog.exists(name)
        return self._known[name]


def _log_skipped(pipeline: Pipeline, needed: set[Node], outputs: _Outputs, log: logging.Logger) -> None:
    names = sorted(node.name for node in pipeline.nodes if node not in needed)
    total = len(pipeline.nodes)
    if not needed:
        log.info("Skipping all %d nodes (all persistent outputs exist)", total)
        if not any(outputs.is_persistent(name) for name in pipeline.all_outputs()):
            log.warning("Nothing runs: no output of this pipeline is persistent, so none can be missing.")
        return
    if names:
        log.info("Skipping %d nodes with existing outputs: %s", len(names), ", ".join(names))
    log.info("Running %d out of %d nodes", len(needed), total)
