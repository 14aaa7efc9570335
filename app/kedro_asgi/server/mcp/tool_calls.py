"""Calls of tools: each is a run, which reports its progress and ends when its call is cancelled."""

import json
import math
from contextlib import suppress
from typing import Any

import anyio
import msgspec
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp_types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import DispatchError, DrainingError, QueueFullError
from kedro_asgi.errors.wording import close_matches, suggestion
from kedro_asgi.failures import failure_sentence
from kedro_asgi.runs import RunOrder, RunRecord
from kedro_asgi.server.bodies import JsonBody
from kedro_asgi.server.errors import InvalidBodyError
from kedro_asgi.server.mcp.cancelled_calls import call_label
from kedro_asgi.server.mcp.json_outputs import kept_as_asked
from kedro_asgi.server.mcp.permissions import Context, log_refused, log_tool_call, may, may_see, require
from kedro_asgi.server.mcp.reported_progress import ReportedProgress
from kedro_asgi.server.mcp.resource_texts import NoResourceError
from kedro_asgi.server.mcp.tool_descriptions import PipelineTool
from kedro_asgi.server.mcp.tool_results import refusal, result_of, unfinished
from kedro_asgi.server.mcp.tools import PipelineTools
from kedro_asgi.server.problems import dispatch_problem, explain_project_error
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.typed_schemas import slice_in

# How long the request to cancel a run may take, once its caller is gone.
_CANCEL_SECONDS = 5.0


class ToolCalls:
    """Lists the tools that a caller may call, and calls them."""

    def __init__(self, runs: Dispatcher, tools: PipelineTools, pipelines: TypedPipelines, orders: TypedOrders) -> None:
        self._runs = runs
        self._tools = tools
        self._pipelines = pipelines
        self._orders = orders

    async def list(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        """Return the tools of the pipelines that the caller may run."""
        if not may(context, "run"):
            return ListToolsResult(tools=[])
        found = await self._tools.find()
        if found.error is not None:
            raise MCPError(code=_PROJECT_FAILED, message=failure_sentence(found.error))
        return ListToolsResult(tools=[one.tool for one in found.value().values() if may_see(context, (one.pipeline,))])

    async def call(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        """Run the pipeline of a tool and return its outputs; what is wrong with the call or the run is in the result.

        Raises `MCPError` for a tool that does not exist for the caller, and if the caller may run nothing.
        """
        require(context, "run")
        found = await self._tools.find()
        if found.error is not None:
            log_tool_call(context, params.name, explain_project_error(found.error).status_code)
            return refusal(failure_sentence(found.error))
        tool = self._find(context, found.value(), params.name)
        try:
            order, size_bytes = await self._order(context, tool, params.arguments or {})
            with anyio.CancelScope(shield=True):
                # A caller that goes now has a run, which is to be cancelled.
                record, _ = await self._runs.accept(order, json_bytes=size_bytes)
            del order  # its values may be large, and the run may wait for long
        except _RefusedCallError as error:
            log_tool_call(context, params.name, error.status)
            return refusal(str(error))
        except DispatchError as error:
            log_tool_call(context, params.name, dispatch_problem(error).status)
            return refusal(_dispatch_sentence(error))
        log_tool_call(context, params.name, 200)
        try:
            return await self._result(context, record, tool)
        except DrainingError:
            return unfinished(record)
        except DispatchError as error:
            return refusal(f"The result of run {record.run_id} cannot be read now: {error}")

    def _find(self, context: Context, tools: Any, name: str) -> PipelineTool:
        visible = {known: tool for known, tool in tools.items() if may_see(context, (tool.pipeline,))}
        if name in visible:
            tool: PipelineTool = visible[name]
            return tool
        if name in tools:
            log_refused(context, "the tool runs another pipeline")
        raise MCPError(
            code=INVALID_PARAMS, message=f"There is no tool '{name}'.{suggestion(close_matches(name, visible))}"
        )

    async def _order(self, context: Context, tool: PipelineTool, arguments: dict[str, Any]) -> tuple[RunOrder, int]:
        """Return the order of a call, and the size of its arguments as JSON."""
        body = JsonBody(document=arguments, size=_json_size(arguments))
        found = await self._pipelines.find(slice_in(arguments, tool.pipeline))
        if found.error is not None:
            status = explain_project_error(found.error).status_code
            raise _RefusedCallError(failure_sentence(found.error), status=status)
        try:
            order = await self._orders.order(found.value(), body)
            order = await kept_as_asked(order, arguments.get("output_format"))
        except InvalidBodyError as error:
            problems = error.sentence(separator="\n- ", whole="arguments")
            text = f"The arguments do not fit the tool, and nothing was run:\n- {problems}"
            raise _RefusedCallError(text) from error
        except NoResourceError as error:
            raise _RefusedCallError(str(error)) from error
        labels = {**order.labels, **call_label(context)}
        return msgspec.structs.replace(order, labels=labels), body.size

    async def _result(self, context: Context, record: RunRecord, tool: PipelineTool) -> CallToolResult:
        ended = await self._ended(context, record)
        if not ended.is_final:
            return unfinished(ended)
        return await result_of(self._runs, ended, tool.results, protocol_version=context.protocol_version)

    async def _ended(self, context: Context, record: RunRecord) -> RunRecord:
        """Return the record of a run that has ended, or that the next server goes on with."""
        try:
            if progress_token_from_params(context.params) is not None:
                await ReportedProgress(record.run_id, context.session.report_progress).follow(self._runs)
            return await self._runs.wait(record.run_id)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_CANCEL_SECONDS, shield=True), suppress(DispatchError):
                await self._runs.cancel(record.run_id)
            raise


class _RefusedCallError(Exception):
    """A call does not lead to a run; the sentence is for the agent, ``status`` is what a route would answer."""

    def __init__(self, sentence: str, *, status: int = 422) -> None:
        self.status = status
        super().__init__(sentence)


_PROJECT_FAILED = -32000
"""A code that JSON-RPC leaves to servers: the project cannot be read."""


def _json_size(arguments: dict[str, Any]) -> int:
    """Return the size of arguments as JSON; readers of messages let numbers pass that JSON does not have."""
    try:
        return len(json.dumps(arguments, allow_nan=False, separators=(",", ":")))
    except ValueError as error:
        loc = ".".join(map(str, _path_to_no_number(arguments)))
        raise _RefusedCallError(f"JSON has no NaN and no infinity, and '{loc}' is one.") from error
    except RecursionError as error:
        raise _RefusedCallError("The arguments are nested too deeply.") from error


def _path_to_no_number(arguments: dict[str, Any]) -> tuple[str | int, ...]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), arguments)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*path, key), part) for key, part in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), part) for index, part in enumerate(value))
        elif isinstance(value, float) and not math.isfinite(value):
            return path
    return ()


def _dispatch_sentence(error: DispatchError) -> str:
    match error:
        case QueueFullError(retry_after_seconds=seconds):
            return f"{error} Call again after {seconds} seconds."
    return str(error)
