"""``kedro-asgi mcp``: the pipelines as tools of one agent, on standard input and output."""

import signal
from pathlib import Path
from typing import Any

import anyio
import click

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.execution_options import execution_options
from kedro_asgi.cli.message_streams import MessageStreams
from kedro_asgi.cli.options import conf_source_option, env_option, package_option, project_argument
from kedro_asgi.cli.prepared_project import prepare_project
from kedro_asgi.cli.process_end import ProcessEnd
from kedro_asgi.dispatch.stores import check_store
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.mcp_route import check_mcp
from kedro_asgi.tracing.sdk import check_sdk, flush_spans, set_up_sdk


@click.command()
@project_argument
@package_option
@execution_options
@env_option
@conf_source_option
def mcp(project_path: Path, **options: Any) -> None:
    """Let an agent call the pipelines of the project at PATH as tools, on standard input and output.

    The host of the agent starts this command and speaks the Model Context Protocol; log lines go to standard error.
    """
    end = ProcessEnd()
    # The project's code may hang when it is imported.
    signal.signal(signal.SIGTERM, end.now)
    with one_line_errors():
        check_mcp()
    streams = MessageStreams()
    prepare_project(project_path, **options)
    with one_line_errors():
        configuration = ServerConfiguration.read()
        check_store(configuration.store)
        if configuration.otel:
            check_sdk()
            set_up_sdk()
    # Imports the protocol, which the other commands do not need.
    from kedro_asgi.cli.agent_connection import serve_agent

    anyio.run(serve_agent, configuration, streams, end)
    if configuration.otel:
        flush_spans()
    # A thread still reads standard input.
    end.now()
