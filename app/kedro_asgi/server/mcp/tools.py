"""The tools of a served project, one for each pipeline that a run could execute."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kedro_asgi.outcome import Outcome
from kedro_asgi.server.mcp.tool_descriptions import PipelineTool, describe_tool
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner

_ALL = "all"


class PipelineTools:
    """Describes the tools of a session's project, again after each reload; belongs to one event loop."""

    def __init__(self, session: AsyncSession, pipelines: TypedPipelines) -> None:
        self._pipelines = pipelines
        self._described: PlannerCache[Planner, str, Mapping[str, PipelineTool]] = PlannerCache(
            session, lambda planner: planner, size=1
        )

    async def find(self) -> Outcome[Mapping[str, PipelineTool]]:
        """Return the tools by name, or why the project cannot be read; raises nothing but cancellation."""
        return await self._described.find(_ALL, self._describe)

    def _describe(self, planner: "Planner") -> Mapping[str, PipelineTool]:
        tools = map(describe_tool, self._pipelines.registered(planner).values())
        return {described.tool.name: described for described in tools}
