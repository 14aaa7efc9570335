"""`AsyncClient.stream`, over a real connection."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors import InvalidAnswerError, ProblemError, RunFailedError, ServerUnreachableError
from kedro_asgi.schemas import OutputChunk
from kedro_asgi.server import create_http_server

pytestmark = pytest.mark.anyio

REGISTRY = """
import threading
from kedro_asgi.pipeline import Pipeline, node

GATE, CLOSED = threading.Event(), threading.Event()

def gated(count):
    yield "a"
    GATE.wait(60)
    yield {"b": count}

def endless(count):
    try:
        while True:
            yield count
    finally:
        CLOSED.set()

def breaks(count):
    yield count
    raise ValueError("broken")

def register_pipelines():
    return {
        "__default__": Pipeline([node(gated, "params:count", "text", name="gated")]),
        "endless": Pipeline([node(endless, "params:count", "text", name="endless")]),
        "breaks": Pipeline([node(breaks, "params:count", "text", name="breaks")]),
    }
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Serve an application in a thread, at the address that this returns."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    thread.join()


@pytest.fixture
def project(make_project) -> Path:
    return make_project(REGISTRY, parameters="count: 3\n")


@pytest.fixture
def url(project: Path) -> Iterator[str]:
    with serving(create_http_server(project, store="memory:", cancel_on_hang_up=True)) as url:
        yield url


def registry(project: Path) -> Any:
    """The project's module of pipelines, which the server has imported."""
    return sys.modules[f"{next((project / 'src').iterdir()).name}.pipeline_registry"]


async def test_chunks_come_while_the_run_goes_on(url: str, project: Path) -> None:
    async with AsyncClient(url) as client, client.stream(outputs=["text"]) as stream:
        with pytest.raises(RuntimeError, match="The run has not ended"):
            _ = stream.answer
        chunk = await anext(stream)
        assert (chunk.output, chunk.value) == ("text", "a")
        assert (await client.read(stream.run_id)).status == "running"
        registry(project).GATE.set()
        assert [chunk.value async for chunk in stream] == [{"b": 3}]
        assert (stream.answer.run_id, stream.answer.outputs) == (stream.run_id, {"text": {"b": 3}})


async def test_errors_are_raised_where_the_caller_reads(url: str) -> None:
    async with AsyncClient(url) as client:
        stream = client.stream_pipeline("breaks", params={"count": 7})
        assert (await anext(stream)).value == 7
        with pytest.raises(RunFailedError, match="broken"):
            await anext(stream)
        with pytest.raises(RunFailedError, match="broken"):
            _ = stream.answer
        with pytest.raises(ProblemError, match="There is no pipeline 'nothing'"):
            await anext(client.stream_pipeline("nothing"))
        with pytest.raises(RunFailedError, match="nothing"):
            await anext(client.stream(["nothing"]))


async def test_a_caller_that_leaves_closes_the_connection(url: str, project: Path) -> None:
    async with AsyncClient(url) as client:
        async with client.stream(["endless"], outputs=["text"]) as stream:
            async for chunk in stream:
                assert chunk == OutputChunk(output="text", value=3)
                break
        with anyio.fail_after(60):
            while not registry(project).CLOSED.is_set():
                await anyio.sleep(0.001)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (b'{"event":"heartbeat"}\n{"event":"accepted","run_id":"r"}\n', ServerUnreachableError),
        (b'{"event":"problem","problem":{"type":"t","title":"x","status":503,"detail":"later"}}\n', ProblemError),
        (b"<html>\n", InvalidAnswerError),
    ],
)
async def test_a_stream_without_an_answer_is_an_error(lines: bytes, error: type[Exception]) -> None:
    async def run(request: object) -> StreamingResponse:
        return StreamingResponse(iter([lines]), media_type="application/x-ndjson")

    async with AsyncClient(app=Starlette(routes=[Route("/run", run, methods=["POST"])])) as client:
        with pytest.raises(error):
            await anext(client.stream())


async def test_no_connection_is_an_error() -> None:
    async with AsyncClient("http://127.0.0.1:1", retries=0) as client:
        with pytest.raises(ServerUnreachableError):
            await anext(client.stream())
