"""32 concurrent runs of the spaceflights project, each with its own parameters, write what they write one by one."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from served_processes import OURS, served

from kedro_asgi.session import AsyncSession, KedroServiceSession
from projects.spaceflights_copy import add_folder_for_each_run, copy_spaceflights, outputs

RUNS = range(32)
WHAT: dict[str, Any] = {"pipeline_names": ["training"], "to_outputs": ["signed_report"]}

# Libraries silence warnings for a moment, in the whole process: concurrent runs undo this for each other.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unmodified project with an environment ``each``, in which every run writes to its own folder."""
    folder = copy_spaceflights(tmp_path_factory.mktemp("concurrent") / "project", package="many_spaceflights")
    assert add_folder_for_each_run(folder) == "each"
    return folder


@pytest.fixture(scope="module")
def expected(project: Path) -> list[dict[str, bytes]]:
    """The files that each run writes when the runs do not overlap."""
    session = KedroServiceSession.create(project_path=project, env="each")
    for number in RUNS:
        session.run(**WHAT, runtime_params=params(number, "twin"))
    return written(project, "twin")


def params(number: int, group: str) -> dict[str, Any]:
    return {
        "who": f"{group}/{number}",
        "currency": f"C{number}",
        "split": {"seed": number},
        "candidate": {"regressor": {"arguments": {"random_state": number, "max_depth": 2 + number % 5}}},
    }


def written(project: Path, group: str) -> list[dict[str, bytes]]:
    prefix = f"runs/{group}/"
    found: list[dict[str, bytes]] = [{} for _ in RUNS]
    for path, content in outputs(project).items():
        if path.startswith(prefix):
            number, _, name = path.removeprefix(prefix).partition("/")
            found[int(number)][name] = content
    return found


async def all_at_once(run: Callable[[int], Awaitable[None]]) -> None:
    async with anyio.create_task_group() as tasks:
        for number in RUNS:
            tasks.start_soon(run, number)


def test_the_32_runs_write_different_files(expected: list[dict[str, bytes]]) -> None:
    assert all(run.keys() == expected[0].keys() for run in expected)
    assert len({run["report.txt"] + run["report.json/<version>/report.json"] for run in expected}) == len(RUNS)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_session_runs_them_concurrently(project: Path, expected: list[dict[str, bytes]]) -> None:
    async with AsyncSession.create(project, env="each") as session:

        async def run(number: int) -> None:
            await session.run(**WHAT, runtime_params=params(number, "session"))

        await all_at_once(run)
    assert await anyio.to_thread.run_sync(written, project, "session") == expected


@pytest.fixture
def url(project: Path) -> Iterator[str]:
    with served(OURS, project, KEDRO_SERVER_ENV="each") as client:
        yield str(client.base_url)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_server_runs_them_concurrently(url: str, project: Path, expected: list[dict[str, bytes]]) -> None:
    body = {**WHAT, "outputs": ["report_text"]}
    async with httpx.AsyncClient(base_url=url, timeout=240) as client:

        async def run(number: int) -> None:
            answer = (await client.post("/run", json={**body, "params": params(number, "http")})).json()
            assert answer["status"] == "success", answer
            assert answer["outputs"]["report_text"].encode() == expected[number]["report.txt"]

        await all_at_once(run)
    assert await anyio.to_thread.run_sync(written, project, "http") == expected
