"""Connects the protocol's server to the parts of this one."""

from typing import Any

import msgspec
from mcp.server.lowlevel.server import Server

from kedro_asgi import __version__
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.server.mcp.pipeline_resources import PipelineResources
from kedro_asgi.server.mcp.resources import Resources
from kedro_asgi.server.mcp.run_resources import RunResources
from kedro_asgi.server.mcp.tool_calls import ToolCalls
from kedro_asgi.server.mcp.tools import PipelineTools
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession

_INSTRUCTIONS = (
    "Each tool runs one pipeline of a Kedro project and waits for its end: 'inputs' replaces datasets, 'params' is "
    "merged over the project's parameters, and the result holds the outputs. The resources tell of pipelines "
    "(kedro://pipelines) and of runs (kedro://runs): their graphs, logs, events and outputs."
)


class ServedParts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The parts of a served project that the tools and resources use."""

    session: AsyncSession
    runs: Dispatcher
    pipelines: TypedPipelines
    orders: TypedOrders


def make_protocol_server(parts: ServedParts) -> Server[Any]:
    """Return the protocol's server of a project; it may serve any number of connections."""
    calls = ToolCalls(parts.runs, PipelineTools(parts.session, parts.pipelines), parts.pipelines, parts.orders)
    pipelines = PipelineResources(parts.session, parts.pipelines)
    resources = Resources(pipelines, RunResources(parts.runs, pipelines))
    return Server(
        "kedro-asgi",
        version=__version__,
        instructions=_INSTRUCTIONS,
        # No tool's argument is repeated in a header, so none is to be compared with one.
        get_tool_input_schema=lambda name: None,
        on_list_tools=calls.list,
        on_call_tool=calls.call,
        on_list_resources=resources.list,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
    )
