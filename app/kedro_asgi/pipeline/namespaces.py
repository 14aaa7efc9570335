"""Finds namespaces that a path through a pipeline leaves and enters again."""

import warnings
from collections.abc import Iterator

from kedro_asgi.pipeline.graph import Graph


def warn_of_interruptions(graph: Graph) -> None:
    """Warn once for each interrupted namespace; of nested ones, for the outermost."""
    if any(node.namespace for node in graph.nodes.values()):
        for namespace, nodes in _InterruptionFinder(graph):
            warnings.warn(
                f"Namespace '{namespace}' is interrupted by nodes {nodes} and thus invalid.", UserWarning, stacklevel=3
            )


class _InterruptionFinder:
    """Finds interrupted namespaces in one pass. A set of namespaces is an int with a bit for each, which is fast."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._bits: dict[str, int] = {}
        self._inside: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        found: set[str] = set()
        for name in self._graph.order:
            prefixes = self._graph.nodes[name].namespace_prefixes
            parents = sorted(self._graph.parents[name])
            self._record(name, prefixes, parents)
            for parent in parents:
                namespace = next((prefix for prefix in prefixes if self._left[parent] & self._bits[prefix]), None)
                if namespace is not None and namespace not in found:
                    found.add(namespace)
                    yield namespace, self._path_outside(parent, self._bits[namespace])

    def _record(self, name: str, prefixes: list[str], parents: list[str]) -> None:
        """Record which namespaces a node is in, and which the paths to it have left."""
        inside = passed = 0
        for prefix in prefixes:
            inside |= self._bits.setdefault(prefix, 1 << len(self._bits))
        for parent in parents:
            passed |= self._left[parent] | self._inside[parent]
        self._inside[name] = inside
        self._left[name] = passed & ~inside

    def _path_outside(self, name: str, bit: int) -> list[str]:
        """Return the path that left a namespace and leads to ``name``: its nodes outside of the namespace."""
        path = [name]
        while True:
            parents = sorted(self._graph.parents[path[-1]])
            if any(self._inside[parent] & bit for parent in parents):
                return path[::-1]
            path.append(next(parent for parent in parents if self._left[parent] & bit))
