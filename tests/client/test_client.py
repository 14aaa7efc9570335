"""`AsyncClient`, over an ASGI app in process."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors import (
    InvalidAnswerError,
    InvalidRequestError,
    KedroAsgiError,
    ProjectFailedError,
    RunFailedError,
    ServerStatusError,
    ServerUnreachableError,
)
from kedro_asgi.server import create_http_server

pytestmark = pytest.mark.anyio


async def test_typed_answers(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        assert (await client.health()).status == "healthy"
        snapshot = await client.snapshot(params="c=5")
        assert snapshot.parameters == ("a", "b", "c")
        assert [pipeline.name for pipeline in snapshot.pipelines] == ["__default__", "calc"]
        answer = await client.run(["calc"], params={"a": 4}, outputs=["d"])
    assert answer.outputs == {"d": 12}
    assert answer.duration_ms >= 0


async def test_below_a_prefix(tiny: Path) -> None:
    app = Starlette(routes=[Mount("/deep/down", create_http_server(tiny))])
    async with AsyncClient("http://host/deep/down", app=app) as client:
        assert (await client.run(outputs=["d"])).outputs == {"d": 6}


async def test_a_failed_run_is_an_exception_with_the_runs_error(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        with pytest.raises(RunFailedError) as caught:
            await client.run("nope")
    assert caught.value.type == "ValueError"
    assert "Failed to find the pipeline named 'nope'" in caught.value.message
    assert caught.value.run_id


async def test_a_project_that_cannot_be_shown_is_an_exception(make_project) -> None:
    async with AsyncClient(app=create_http_server(make_project("import nope_zz\n"))) as client:
        with pytest.raises(ProjectFailedError, match="ModuleNotFoundError"):
            await client.snapshot()


async def test_refusals_are_exceptions(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny, max_body_bytes=100)) as client:
        with pytest.raises(InvalidRequestError, match="not a valid Python dotted identifier"):
            await client.run(runner="bad-name!")
        with pytest.raises(ServerStatusError) as caught:
            await client.run(inputs={"s": "x" * 200})
    assert caught.value.status_code == 413


async def test_another_kind_of_server_is_an_exception() -> None:
    async def page(request):
        return PlainTextResponse("hello")

    async with AsyncClient(app=Starlette(routes=[Route("/health", page)])) as client:
        with pytest.raises(InvalidAnswerError, match="health"):
            await client.health()


async def test_no_server_is_an_exception(free_tcp_port: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{free_tcp_port}") as client:
        with pytest.raises(ServerUnreachableError, match="No answer from"):
            await client.health()


async def test_an_input_that_is_no_json_is_an_exception_of_our_tree(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        with pytest.raises(KedroAsgiError, match="cannot be encoded as JSON"):
            await client.run(inputs={"s": object()})
