"""The graphs of a project's pipelines and their layouts, each computed when it is first needed."""

from collections.abc import Mapping
from functools import cached_property

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import PipelineNotFoundError
from kedro_asgi.failures import failure_sentence
from kedro_asgi.graph.builder import Entries, build_graph
from kedro_asgi.graph.drawing import Drawing, draw
from kedro_asgi.graph.elements import PipelineGraph
from kedro_asgi.graph.layout import Layout, lay_out
from kedro_asgi.inspection import catalog_entries
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.plan import Planner

# Callers choose what is collapsed, and a layout of thousands of nodes takes a megabyte.
_MAX_GRAPHS, _MAX_LAYOUTS = 256, 32


class ProjectGraphs:
    """The graphs of what ``planner`` has compiled; thread-safe. Two threads may compute one graph, which is the same.

    A project's own configuration loader is asked once, too.
    """

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self._graphs: BoundedCache[str, PipelineGraph] = BoundedCache(_MAX_GRAPHS)
        self._layouts: BoundedCache[tuple[str, tuple[str, ...], bool], Layout] = BoundedCache(_MAX_LAYOUTS)

    @cached_property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The registered pipelines by name; raises the errors of the registry."""
        return self.planner.project.pipelines.load()

    @cached_property
    def broken(self) -> Mapping[str, str]:
        """The pipelines that are not registered since Python cannot import their modules, each with the reason."""
        return {name: failure_sentence(error) for name, error in self.planner.project.pipelines.broken().items()}

    def graph(self, name: str) -> PipelineGraph:
        """Return the graph of a pipeline; raises `PipelineNotFoundError`, and the errors of the configuration."""
        found = self._graphs.get(name)
        if found is not None:
            return found
        if name not in self.pipelines:
            raise PipelineNotFoundError(name, self.pipelines, self.broken.get(name, ""))
        graph = build_graph(name, self.pipelines[name], self._entries, root=self.planner.project_path)
        return self._graphs.add(name, graph)

    def drawing(self, name: str, *, collapsed: tuple[str, ...] = (), with_parameters: bool = True) -> Drawing:
        """Return what is drawn of a pipeline; raises what `graph` raises, and `NamespaceNotFoundError`."""
        return draw(self.graph(name), collapsed=collapsed, with_parameters=with_parameters)

    def layout(self, name: str, *, collapsed: tuple[str, ...] = (), with_parameters: bool = True) -> Layout:
        """Return the layout of what `drawing` returns."""
        drawing = self.drawing(name, collapsed=collapsed, with_parameters=with_parameters)
        key = (name, drawing.collapsed, with_parameters)
        found = self._layouts.get(key)
        return found if found is not None else self._layouts.add(key, lay_out(drawing))

    @cached_property
    def _entries(self) -> Entries:
        return catalog_entries(self.planner, self.pipelines)
