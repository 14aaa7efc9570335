"""The resources of a served project: its pipelines and their graphs, and its runs with their logs and outputs."""

from collections.abc import Sequence

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    TextResourceContents,
)

from kedro_asgi.encoding import escape_surrogates
from kedro_asgi.errors import DispatchError
from kedro_asgi.media_types import JSON
from kedro_asgi.reserved_names import shown_pipelines
from kedro_asgi.runs import RunRecord
from kedro_asgi.server.mcp.permissions import Context, caller_in, may, may_see, require
from kedro_asgi.server.mcp.pipeline_resources import ListedPipeline, PipelineResources
from kedro_asgi.server.mcp.resource_addresses import PIPELINES, RUNS, address, parts_of, templates
from kedro_asgi.server.mcp.resource_texts import NoResourceError, ResourceText, json_resource
from kedro_asgi.server.mcp.run_resources import RunResources


class Resources:
    """Lists and reads the resources that a caller may read."""

    def __init__(self, pipelines: PipelineResources, runs: RunResources) -> None:
        self._pipelines = pipelines
        self._runs = runs

    async def list(self, context: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        """Return the pipelines and the latest runs; raises `MCPError` if they cannot be read now."""
        if not may(context, "read"):
            return ListResourcesResult(resources=[])
        try:
            pipelines, runs = await self._visible_pipelines(context), await self._runs.latest(caller_in(context))
        except (DispatchError, NoResourceError) as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from error
        return ListResourcesResult(resources=[*_LISTS, *map(_pipeline, pipelines), *map(_run, runs)])

    async def list_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """Return the forms of all addresses."""
        return ListResourceTemplatesResult(resource_templates=templates() if may(context, "read") else [])

    async def read(self, context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """Return a resource; raises `MCPError` for one that does not exist for the caller."""
        require(context, "read")
        try:
            found = await self._read(context, parts_of(params.uri))
        except (DispatchError, NoResourceError) as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error), data={"uri": params.uri}) from error
        if found is None:
            message = f"There is no resource '{params.uri}'."
            raise MCPError(code=INVALID_PARAMS, message=message, data={"uri": params.uri})
        content = TextResourceContents(uri=params.uri, mime_type=found.media_type, text=escape_surrogates(found.text))
        return ReadResourceResult(contents=[content])

    async def _read(self, context: Context, parts: Sequence[str]) -> ResourceText | None:
        match parts:
            case ["pipelines"]:
                return json_resource(await self._visible_pipelines(context))
            case ["pipelines", name, *rest] if may_see(context, (name,)):
                return await self._pipelines.read(name, rest)
            case ["runs"]:
                return json_resource(await self._runs.latest(caller_in(context)))
            case ["runs", run_id, *rest]:
                record = await self._runs.record(run_id)
                return await self._runs.read(record, rest) if may_see(context, record.pipeline_names) else None
        return None

    async def _visible_pipelines(self, context: Context) -> Sequence[ListedPipeline]:
        return [found for found in await self._pipelines.listed() if may_see(context, (found.name,))]


_LISTS = (
    Resource(uri=PIPELINES, name="pipelines", mime_type=JSON, description="The pipelines and their tools."),
    Resource(uri=RUNS, name="runs", mime_type=JSON, description="The latest runs."),
)


def _pipeline(found: ListedPipeline) -> Resource:
    description = f"The nodes, datasets, parameters and edges of a pipeline, whose tool is '{found.tool}'."
    return Resource(uri=found.uri, name=found.name, mime_type=JSON, description=description)


def _run(record: RunRecord) -> Resource:
    names = shown_pipelines(record.pipeline_names)
    description = f"A run of {names}, created at {record.created_at.isoformat()}: {record.status}."
    return Resource(uri=address(("runs", record.run_id)), name=record.run_id, mime_type=JSON, description=description)
