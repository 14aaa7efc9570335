"""One connection to an agent on standard input and output."""

import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
from mcp.server.stdio import stdio_server

from kedro_asgi.cli.message_streams import MessageStreams
from kedro_asgi.cli.open_requests import OpenRequests
from kedro_asgi.cli.process_end import ProcessEnd
from kedro_asgi.cli.server_process import LAST_SECONDS
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.failures import failure_sentence
from kedro_asgi.server.bodies import BodyReader
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.mcp.protocol_server import ServedParts, make_protocol_server
from kedro_asgi.server.shutdown import Shutdown
from kedro_asgi.server.typed_orders import TypedOrders
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.server.worker_options import make_session, worker_options
from kedro_asgi.session import AsyncSession
from kedro_asgi.tracing.activation import prepare_tracing

if TYPE_CHECKING:
    from mcp.server.lowlevel.server import Server

# How long the answers may take, once all runs have ended.
_ANSWER_SECONDS = 1.0
_log = logging.getLogger(__name__)


async def serve_agent(configuration: ServerConfiguration, streams: MessageStreams, end: ProcessEnd) -> None:
    """Answer the messages of an agent until it closes the input, or until a signal comes; then let runs end."""
    prepare_tracing()
    session = make_session(configuration)
    runs = Dispatcher(session, **worker_options(configuration))
    server, requests = make_protocol_server(_parts(configuration, session, runs)), OpenRequests()
    server.middleware.append(requests)
    limit_end = partial(end.within, configuration.policy.grace_seconds + LAST_SECONDS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(session)
        await stack.enter_async_context(runs)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_open_project, session)
            tasks.start_soon(partial(_end_at_signal, runs, requests, streams, limit_end=limit_end))
            await _converse(server, streams)
            tasks.cancel_scope.cancel()
        limit_end()


def _parts(configuration: ServerConfiguration, session: AsyncSession, runs: Dispatcher) -> ServedParts:
    bodies = BodyReader(
        Shutdown(runs, delays_signals=False),
        max_bytes=configuration.max_body_bytes,
        timeout_seconds=configuration.body_timeout_seconds,
    )
    orders = TypedOrders(session, bodies)
    return ServedParts(session=session, runs=runs, pipelines=TypedPipelines(session), orders=orders)


async def _converse(server: "Server[Any]", streams: MessageStreams) -> None:
    # The SDK only iterates over the lines.
    lines = cast("anyio.AsyncFile[str]", streams.lines())
    async with stdio_server(stdin=lines, stdout=streams.output()) as (received, sent):
        await server.run(received, sent, server.create_initialization_options())


async def _open_project(session: AsyncSession) -> None:
    """Open the project while the agent asks for its tools; a fault is in each of their results, too."""
    opened = await session.open()
    if opened.error is not None:
        _log.error("The project cannot be run: %s", failure_sentence(opened.error))


async def _end_at_signal(
    runs: Dispatcher, requests: OpenRequests, streams: MessageStreams, *, limit_end: Callable[[], None]
) -> None:
    """Let runs end at the first signal, then end the input when all requests are answered; another ends the grace."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            break
        limit_end()
        async with anyio.create_task_group() as tasks:

            async def hasten() -> None:
                async for _ in signals:
                    await runs.drain(grace_seconds=0)

            tasks.start_soon(hasten)
            await runs.drain()
            tasks.cancel_scope.cancel()
    with anyio.move_on_after(_ANSWER_SECONDS):
        await requests.answered()
    streams.end_input()
