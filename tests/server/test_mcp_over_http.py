"""Agents and a real server: progress, cancellation, several workers, and the end of the server."""

import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from mcp import Client

from agents import MODES, Calling
from project_files import write_project
from serving import Process
from working import CATALOG, PARAMETERS, WORK


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agents")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Process]:
    content = {
        "conf/base/catalog.yml": CATALOG,
        "conf/base/parameters.yml": PARAMETERS,
        "src/{package}/settings.py": "",
        "src/{package}/pipeline_registry.py": WORK.replace("{folder}", str(folder)),
    }
    project = write_project(folder / "project", content)
    process = Process(["kedro_asgi", "serve", str(project), "--mcp"], cwd=folder, environ={})
    try:
        yield process.wait_until_ready()
    finally:
        process.close()


def ended(server: Process, run_id: str) -> str:
    return httpx.get(f"{server.url}/runs/{run_id}", params={"wait": 60}, timeout=90).json()["status"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_long_run_reports_the_nodes_that_are_done(server: Process, folder: Path, mode: str) -> None:
    gate = f"progress-{mode}"
    async with Client(f"{server.url}/mcp", mode=mode) as agent, anyio.create_task_group() as tasks:
        call = Calling(agent, "held", {"params": {"gate": gate}})
        tasks.start_soon(call.run)
        run_id = await call.run_id()
        assert call.reports == [(0, 2, f"Run {run_id}: 0 of 2 nodes are done.")]
        (folder / gate).touch()
        await call.heard(2)
    assert call.result.structured_content["outputs"] == {"second": gate.upper()}
    assert [report[:2] for report in call.reports][-1] == (2, 2)
    assert [report[0] for report in call.reports] == sorted({report[0] for report in call.reports})


@pytest.mark.parametrize("mode", MODES)
async def test_a_cancelled_call_cancels_its_run(server: Process, mode: str) -> None:
    async with Client(f"{server.url}/mcp", mode=mode) as agent, anyio.create_task_group() as tasks:
        call = Calling(agent, "wait", {"params": {"seconds": 80}})
        tasks.start_soon(call.run)
        run_id = await call.run_id()
        call.cancel()
        await call.ended.wait()
        assert await anyio.to_thread.run_sync(ended, server, run_id) == "cancelled"


async def test_many_calls_at_a_time_get_their_own_outputs(server: Process) -> None:
    found: dict[int, int] = {}

    async def call(agent: Client, number: int) -> None:
        result = await agent.call_tool("calc", {"params": {"a": number, "b": 0}})
        found[number] = result.structured_content["outputs"]["d"]

    async with Client(f"{server.url}/mcp") as agent, anyio.create_task_group() as tasks:
        for number in range(30):
            tasks.start_soon(call, agent, number)
    assert found == {number: 2 * number for number in range(30)}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
async def test_any_worker_answers_any_message(work: Path, start, mode: str) -> None:
    server = start("kedro_asgi", "serve", work, "--mcp", "--workers", "2")
    for number in range(6):
        # A new connection each time, which another worker may get.
        async with Client(f"{server.url}/mcp", mode=mode) as agent, anyio.create_task_group() as tasks:
            assert len((await agent.list_tools()).tools) == 10
            result = await agent.call_tool("calc", {"params": {"a": number, "b": 0}})
            assert result.structured_content["outputs"] == {"d": 2 * number}
            call = Calling(agent, "wait", {"params": {"seconds": 80}})
            tasks.start_soon(call.run)
            run_id = await call.run_id()
            call.cancel()
            await call.ended.wait()
            assert await anyio.to_thread.run_sync(ended, server, run_id) == "cancelled"


@pytest.mark.slow
async def test_open_sessions_and_calls_keep_no_server_from_its_end(work: Path, start) -> None:
    server = start("kedro_asgi", "serve", work, "--mcp", KEDRO_SERVER_GRACE_SECONDS="0.2")
    async with (
        Client(f"{server.url}/mcp", mode="legacy"),
        Client(f"{server.url}/mcp") as agent,
        anyio.create_task_group() as tasks,
    ):
        call = Calling(agent, "wait", {"params": {"seconds": 80}})
        tasks.start_soon(call.run)
        run_id = await call.run_id()
        begun = time.monotonic()
        server.process.terminate()
        await call.ended.wait()
        assert call.result.is_error
        assert (
            f"Run {run_id} ended with status 'cancelled': RunCancelledError: The server was shut down"
            in call.result.content[0].text
        )
        assert await anyio.to_thread.run_sync(server.process.wait, 60) == 0
    # The call alone would take longer.
    assert time.monotonic() - begun < 70
    assert "Traceback" not in server.log()
