"""The resources of pipelines: what they consist of, their schemas, and their graphs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import PipelineNotFoundError
from kedro_asgi.failures import failure_sentence
from kedro_asgi.graph import ProjectGraphs, draw_svg, write_mermaid
from kedro_asgi.node_runs import NodeRun, NodeState, state_of_each
from kedro_asgi.outcome import Outcome
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunRecord, Slice
from kedro_asgi.server.mcp.resource_addresses import MERMAID, SVG, address
from kedro_asgi.server.mcp.resource_texts import NoResourceError, ResourceText, json_resource
from kedro_asgi.server.mcp.tool_names import tool_name
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner

T = TypeVar("T")

_ALL = "all"
_NO_STATES: Mapping[str, NodeState] = {}
_MAX_TEXTS = 64


class ListedPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline: its tool, how many nodes it has, and the address of its description."""

    name: str
    tool: str
    nodes: int
    uri: str


class PipelineResources:
    """Reads the pipelines of a session's project; belongs to one event loop, and draws in threads."""

    def __init__(self, session: AsyncSession, pipelines: TypedPipelines) -> None:
        self._pipelines = pipelines
        self._texts: PlannerCache[ProjectGraphs, tuple[str, str], ResourceText] = PlannerCache(
            session, ProjectGraphs, size=_MAX_TEXTS
        )
        self._lists: PlannerCache[Planner, str, list[ListedPipeline]] = PlannerCache(
            session, lambda planner: planner, size=1
        )

    async def listed(self) -> list[ListedPipeline]:
        """Return the registered pipelines; raises `NoResourceError`."""
        return _value(await self._lists.find(_ALL, _listed))

    async def read(self, name: str, rest: Sequence[str]) -> ResourceText | None:
        """Return a resource of the pipeline ``name``; raises `NoResourceError` where there is no such pipeline."""
        match rest:
            case []:
                return await self._text(name, "description", partial(_description, name=name))
            case ["schema"]:
                found = await self._pipelines.find(Slice(pipeline_names=(name,)))
                return json_resource(_value(found).schema)
            case ["graph.svg" | "graph.mmd" as kind]:
                return await self._text(name, kind, partial(_drawing, name=name, kind=kind))
        return None

    async def drawing_of_run(self, record: RunRecord, nodes: Sequence[NodeRun], kind: str) -> ResourceText:
        """Return the graph of a run's first pipeline, coloured by the states of its nodes."""
        name = record.pipeline_names[0] if record.pipeline_names else DEFAULT_PIPELINE
        draw = partial(_drawing, name=name, kind=kind, nodes=nodes, has_ended=record.is_final)
        return _value(await self._texts.find(None, draw))

    async def _text(self, name: str, kind: str, make: Callable[[ProjectGraphs], ResourceText]) -> ResourceText:
        return _value(await self._texts.find((name, kind), make))


def _value(found: Outcome[T]) -> T:
    if isinstance(found.error, PipelineNotFoundError):
        # Without the names that it resembles: the caller may be limited to others.
        raise NoResourceError(f"There is no pipeline '{found.error.name}'.")
    if found.error is not None:
        raise NoResourceError(failure_sentence(found.error))
    return found.value()


def _listed(planner: "Planner") -> list[ListedPipeline]:
    return [
        ListedPipeline(name=name, tool=tool_name(name), nodes=len(found.nodes), uri=address(("pipelines", name)))
        for name, found in planner.project.pipelines.load().items()
    ]


def _description(graphs: ProjectGraphs, *, name: str) -> ResourceText:
    return ResourceText(encode_json(graphs.graph(name)).decode())


def _drawing(
    graphs: ProjectGraphs,
    *,
    name: str,
    kind: str,
    nodes: Sequence[NodeRun] | None = None,
    has_ended: bool = False,
) -> ResourceText:
    graph = graphs.graph(name)
    names = [node.name for node in graph.nodes]
    states = _NO_STATES if nodes is None else state_of_each(names, nodes, has_ended=has_ended)
    if kind == "graph.mmd":
        return ResourceText(write_mermaid(graphs.drawing(name), states=states), MERMAID)
    return ResourceText(draw_svg(graph, graphs.layout(name), states=states, links={}), SVG)
