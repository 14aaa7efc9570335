"""Concurrency never changes a result: 64 concurrent runs of a project end like the same runs one after another."""

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from both_engines.cases import Project
from both_engines.machine import exported
from both_engines.turns import Results, Turn, turns_of, variants_of, write_for_turns
from oracle_projects import PARTS

import kedro_asgi.runner
from kedro_asgi.errors import error_type
from kedro_asgi.server import create_http_server
from kedro_asgi.session import AsyncSession

RUNS = 64
RUNS_OF_A_VARIANT = 16
ALL = [project for projects in PARTS.values() for project in projects]
PROJECTS = [project for project in ALL if turns_of(project, 1)]
VARIANTS = [variant for project in ALL for variant in variants_of(project) if turns_of(variant, 1)]

End = dict[str, Any]


class Runs:
    """Runs of one project: on a session, and over HTTP."""

    def __init__(self, session: AsyncSession, client: httpx.AsyncClient) -> None:
        self._session = session
        self._client = client

    async def ask(self, turn: Turn, kind: str) -> End:
        """Run and return how it ended, as data."""
        return await (self._over_http(turn, kind) if turn.is_http else self._on_session(turn, kind))

    async def _on_session(self, turn: Turn, kind: str) -> End:
        arguments = {name: value for name, value in turn.body.items() if name != "params"}
        runner = eval(turn.runner, exported(kedro_asgi.runner)) if turn.runner else None
        try:
            done = await self._session.run(**arguments, runtime_params=turn.params(kind), runner=runner)
        except BaseException as error:
            return {"error": error_type(error), "message": str(error)}
        return {"outputs": dict(done.outputs)}

    async def _over_http(self, turn: Turn, kind: str) -> End:
        answer = await self._client.post("/run", json={**turn.body, "params": turn.params(kind)})
        body = answer.json()
        return {"status": answer.status_code, "error": body.get("error"), "keys": list(body)}


async def one_by_one(turns: list[Turn], run: Callable[[Turn], Awaitable[End]]) -> list[End]:
    return [await run(turn) for turn in turns]


async def all_at_once(turns: list[Turn], run: Callable[[Turn], Awaitable[End]]) -> list[End]:
    ends: dict[int, End] = {}

    async def keep(turn: Turn) -> None:
        ends[turn.number] = await run(turn)

    async with anyio.create_task_group() as group:
        for turn in turns:
            group.start_soon(keep, turn)
    return [ends[turn.number] for turn in turns]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", pytest.param("trio", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("short_turns")
@pytest.mark.filterwarnings("ignore")  # this test is not about the projects' warnings
@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
async def test_runs_at_a_time_end_as_runs_one_by_one(project: Project, tmp_path: Path) -> None:
    ends = await compare(project, tmp_path / "project", RUNS)
    assert len(ends) >= len(project.varied), "what varies makes no difference"


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.usefixtures("short_turns")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("project", VARIANTS, ids=lambda project: f"{project.name}-{project.cases[0].name}")
async def test_so_do_runs_of_projects_with_other_files(project: Project, tmp_path: Path) -> None:
    await compare(project, tmp_path / "project", RUNS_OF_A_VARIANT)


async def compare(project: Project, folder: Path, count: int) -> set[str]:
    """Run the turns of a project one by one and all at once, and return the distinct ends."""
    write_for_turns(project, folder, ("one", "all"), count)
    turns, results = turns_of(project, count), Results(folder)
    transport = httpx.ASGITransport(create_http_server(folder))
    async with (
        AsyncSession.create(project_path=folder) as session,
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        runs = Runs(session, client)
        alone = await one_by_one(turns, lambda turn: runs.ask(turn, "one"))
        calls_alone = hook_calls(project)
        together = await all_at_once(turns, lambda turn: runs.ask(turn, "all"))
        calls_together = hook_calls(project)
    ends = [results.ended(turn, "one", end) for turn, end in zip(turns, alone, strict=True)]
    for turn, left, right in zip(turns, ends, together, strict=True):
        assert results.ended(turn, "all", right) == left, turn
    assert sorted(map(results.shown, calls_together)) == sorted(map(results.shown, calls_alone))
    return set(ends)


def hook_calls(project: Project) -> list[str]:
    """Return the calls that the project's hooks recorded since the last question."""
    try:
        recorded = importlib.import_module(f"{project.package}.recorded")
    except ModuleNotFoundError:
        return []
    calls = list(getattr(recorded, "CALLS", ()))
    getattr(recorded, "CALLS", []).clear()
    return calls
