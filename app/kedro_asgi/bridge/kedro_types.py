"""Objects of ours that ``isinstance`` takes for Kedro's: hooks of plugins ask."""

import sys
from typing import Any

from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.graph import Graph


def passing_for(module: str, name: str) -> Any:
    """Return a ``__class__`` that is Kedro's class ``name``; whoever asks for that has imported ``module``."""
    return property(lambda self: getattr(sys.modules.get(module), name, type(self)))


class Alike:
    """What passes for something else can be pickled all the same."""

    def __reduce__(self) -> Any:
        # Pickle would ask for the class, too.
        return object.__new__, (type(self),), self.__getstate__()


class KedroNode(Alike, Node):
    """A node that passes for one of Kedro's."""

    __class__: Any = passing_for("kedro.pipeline.node", "Node")

    @property
    def _unique_key(self) -> Any:
        """What Kedro's nodes ask for when they are compared with this one."""
        return self._key

    def _warn_of_dots(self) -> None:
        """Kedro has, when the project made its node."""


class KedroPipeline(Alike, Pipeline):
    """A pipeline that passes for one of Kedro's, as do its parts."""

    __class__: Any = passing_for("kedro.pipeline.pipeline", "Pipeline")

    @property
    def _nodes(self) -> list[Node]:
        """What Kedro's operators ask for, where a hook combines this with a pipeline of its own."""
        return self.nodes

    @classmethod
    def of(cls, pipeline: Pipeline) -> "KedroPipeline":
        """Return ``pipeline`` as one of this class."""
        made = object.__new__(cls)
        made._graph = pipeline._graph
        return made

    def _holding(self, graph: Graph) -> "KedroPipeline":
        return self.of(super()._holding(graph))
