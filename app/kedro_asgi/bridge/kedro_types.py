"""Nodes and pipelines that ``isinstance`` takes for Kedro's, because hooks of plugins check."""

import sys
from typing import Any

from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.graph import Graph


def kedro_class(module: str, name: str) -> Any:
    """Return a ``__class__`` property that is Kedro's class ``name``, once the process has imported ``module``."""
    return property(lambda self: getattr(sys.modules.get(module), name, type(self)))


class KedroInstance:
    """Base of classes with a `kedro_class`, which makes their instances fit to be pickled."""

    def __reduce__(self) -> Any:
        # By default, pickle would restore an instance of `__class__`, which is Kedro's class.
        return object.__new__, (type(self),), self.__getstate__()


class KedroNode(KedroInstance, Node):
    """A node that ``isinstance`` takes for a node of Kedro."""

    __class__: Any = kedro_class("kedro.pipeline.node", "Node")

    @property
    def _unique_key(self) -> Any:
        """Kedro's nodes read this when they are compared with this node."""
        return self._key

    def _warn_of_dots(self) -> None:
        """Kedro gave this warning when the project made its node."""


class KedroPipeline(KedroInstance, Pipeline):
    """A pipeline that ``isinstance`` takes for a pipeline of Kedro, as are the pipelines made from it."""

    __class__: Any = kedro_class("kedro.pipeline.pipeline", "Pipeline")

    @property
    def _nodes(self) -> list[Node]:
        """Kedro's operators read this when a hook combines this pipeline with one of Kedro."""
        return self.nodes

    @classmethod
    def of(cls, pipeline: Pipeline) -> "KedroPipeline":
        """Return ``pipeline`` as an instance of this class."""
        converted = object.__new__(cls)
        converted._graph = pipeline._graph
        return converted

    def _with_graph(self, graph: Graph) -> "KedroPipeline":
        return self.of(super()._with_graph(graph))
