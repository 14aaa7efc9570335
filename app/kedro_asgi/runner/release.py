"""When a run can let go of a dataset."""

from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Node, Pipeline


class Releases:
    """Counts down the consumers of each dataset of one run, and releases it after the last (RUN-28, RUN-29)."""

    def __init__(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._catalog = catalog
        self._kept = pipeline.inputs() | pipeline.outputs()
        self._consumers = pipeline.consumers()

    def after(self, node: Node) -> None:
        """Release what nobody needs any more now that ``node`` is done."""
        for name in dict.fromkeys(node.inputs):
            self._consumers[name] -= 1
            if not self._consumers[name] and name not in self._kept:
                self._catalog.release(name)
        for name in node.outputs:
            if name not in self._consumers and name not in self._kept:
                self._catalog.release(name)
