"""Schedules over HTTP: listed, paused, resumed and run now, within the limits of callers."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from kedro_asgi.client import AsyncClient
from kedro_asgi.errors import ProblemError, ProjectError
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

# No tick comes while a test runs.
DAILY = """
[tool.kedro-asgi.schedules.daily]
cron = "0 6 29 2 *"
timezone = "Europe/Berlin"
pipeline = "calc"
params = { a = 5 }
labels = { team = "ml" }
overlap = "skip"
"""
DEFAULT = '\n[tool.kedro-asgi.schedules."by night"]\ncron = "0 0 1 1 *"\nmissed = "run-once"\n'


def with_schedules(project: Path, text: str = DAILY + DEFAULT) -> Path:
    with (project / "pyproject.toml").open("a") as file:
        file.write(text)
    return project


@asynccontextmanager
async def serving(project: Path, *, token: str | None = None, **options: object) -> AsyncIterator[AsyncClient]:
    app = create_http_server(project, **{"store": "memory:", **options})
    async with app.router.lifespan_context(app), AsyncClient(app=app, token=token) as client:
        yield client


async def test_schedules_are_listed_paused_resumed_and_run(tiny: Path) -> None:
    async with serving(with_schedules(tiny)) as client:
        daily, by_night = await client.schedules()
        assert (daily.name, daily.cron, daily.timezone) == ("daily", "0 6 29 2 *", "Europe/Berlin")
        assert (daily.pipeline_names, daily.missed, daily.overlap) == (("calc",), "skip", "skip")
        assert (by_night.pipeline_names, by_night.missed) == (("__default__",), "run-once")
        assert [f"{tick:%m-%d %H:%M}" for tick in daily.next_ticks] == ["02-29 05:00"] * 5
        assert (daily.is_paused, daily.last_run, by_night.start_deadline_seconds) == (False, None, 86_400)
        assert (await client.pause_schedule("daily")).is_paused
        assert [(found.is_paused, len(found.next_ticks)) for found in await client.schedules()] == [
            (True, 0),
            (False, 5),
        ]
        assert not (await client.resume_schedule("daily")).is_paused
        run = await client.run_schedule("daily")
        assert run.labels == {"team": "ml", "schedule": "daily"}
        record = await client.wait(run.run_id)
        assert (record.status, record.request["params"]) == ("success", {"a": 5})
        (last, _) = (found.last_run for found in await client.schedules())
        assert (last.run_id, last.status, last.scheduled_at) == (run.run_id, "success", None)
        assert [found.run_id for found in (await client.runs(labels={"schedule": "daily"})).runs] == [run.run_id]
        assert (await client.run_schedule("by night")).labels == {"schedule": "by night"}


async def test_an_unknown_schedule_is_told(tiny: Path) -> None:
    async with serving(with_schedules(tiny)) as client:
        for call in (client.pause_schedule, client.resume_schedule, client.run_schedule):
            with pytest.raises(ProblemError, match="There is no schedule 'dail'. Did you mean 'daily'") as caught:
                await call("dail")
            assert "schedule-not-found" in repr(vars(caught.value))


async def test_a_project_without_schedules_has_none(tiny: Path) -> None:
    async with serving(tiny) as client:
        assert await client.schedules() == ()
        with pytest.raises(ProblemError, match="no schedule 'daily'"):
            await client.pause_schedule("daily")


async def test_a_mounted_application_lists_schedules_too(tiny: Path, serve) -> None:
    async with serve(with_schedules(tiny), store="memory:") as http:
        names = [found["name"] for found in (await http.get("/schedules")).json()["schedules"]]
        assert names == ["daily", "by night"]
    async with serve(with_schedules(tiny, "[tool.kedro-asgi.schedules.bad]\n"), store="memory:") as http:
        answer = await http.get("/schedules")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:kedro-asgi:problem:project-failed")
        assert "required field `cron`" in answer.json()["detail"]


async def test_callers_need_scopes_and_see_only_schedules_of_their_pipelines(tiny: Path) -> None:
    scopes = {"reader": "read", "runner": "run", "admin": "admin"}
    tokens = {name: make_token() for name in (*scopes, "limited")}
    lines = [token_line(name, tokens[name], [scope]) for name, scope in scopes.items()]
    lines.append(token_line("limited", tokens["limited"], ["admin"], ["calc"]))
    app = create_http_server(with_schedules(tiny), store="memory:", tokens="\n".join(lines))
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as http:

        async def status(method: str, path: str, caller: str) -> int:
            headers = {"Authorization": f"Bearer {tokens[caller]}"}
            return (await http.request(method, path, headers=headers)).status_code

        found = {
            caller: [
                await status("GET", "/schedules", caller),
                await status("POST", "/schedules/daily/pause", caller),
                await status("POST", "/schedules/daily/resume", caller),
                await status("POST", "/schedules/daily/run", caller),
                await status("POST", "/schedules/by%20night/run", caller),
            ]
            for caller in tokens
        }
        assert found == {
            "reader": [200, 403, 403, 403, 403],
            "runner": [403, 403, 403, 202, 202],
            "admin": [200, 200, 200, 202, 202],
            "limited": [200, 200, 200, 202, 404],
        }
        begun = await http.post("/schedules/daily/run", headers={"Authorization": f"Bearer {tokens['runner']}"})
        assert (begun.json()["request"], begun.json()["labels"]) == ({}, {}), "the order is not that of the caller"
        answer = await http.get("/schedules", headers={"Authorization": f"Bearer {tokens['limited']}"})
        assert [schedule["name"] for schedule in answer.json()["schedules"]] == ["daily"]
        assert (await http.get("/schedules")).status_code == 401


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ('cron = "* * * *"', "cron: '* * * *' is not a cron expression: Wrong number of fields"),
        ("cron = 5", "Expected `str`, got `int` - at `$.cron`"),
        ('pipeline = "calc"', "Object missing required field `cron`"),
        ('cron = "* * * * *"\ntimezone = "Mars/Base"', "timezone: 'Mars/Base' is not a time zone"),
        ('cron = "* * * * *"\nmissed = "all"', "Invalid enum value 'all' - at `$.missed`"),
        ('cron = "* * * * *"\npipelines = ["calc"]', "unknown field `pipelines`"),
        ('cron = "* * * * *"\ntags = "x"', "tags: Input should be a valid list"),
        ('cron = "* * * * *"\nnode_names = [1]', "node_names.0: Input should be a valid string"),
        ('cron = "* * * * *"\nrunner = "a b"', "is not a valid Python dotted identifier"),
        ('cron = "* * * * *"\nparams = { day = 2026-01-01 }', "params: only what JSON has"),
        ('cron = "* * * * *"\nparams = { x = nan }', "params: only what JSON has"),
        ('cron = "* * * * *"\nlabels = { schedule = "x" }', "has the label 'schedule' already"),
        ('cron = "* * * * *"\npipeline = "a"\npipeline_names = ["b"]', "give 'pipeline' or 'pipeline_names', not both"),
        ('cron = "* * * * *"\nmissed = "run-all"\noverlap = "skip"', "needs overlap = 'allow'"),
        ('cron = "* * * * *"\nstart_deadline_seconds = 0', "Expected `float` >= 1.0"),
        ('cron = "* * * * *"\nmax_missed = 1001', "Expected `int` <= 1000"),
        ('cron = "* * * * *"\ntimeout_seconds = -1', "timeout_seconds: Input should be greater than 0"),
    ],
)
async def test_a_schedule_at_fault_keeps_the_server_from_starting(tiny: Path, fields: str, problem: str) -> None:
    with_schedules(tiny, f"\n[tool.kedro-asgi.schedules.daily]\n{fields}\n")
    with pytest.raises(ProjectError) as caught:
        async with serving(tiny):
            pass
    assert str(caught.value).startswith("Section [tool.kedro-asgi.schedules.daily]: ")
    assert problem in str(caught.value)


async def test_without_the_extra_a_project_with_schedules_is_told(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    for module in ("kedro_asgi.dispatch.schedules.cron", "kedro_asgi.server.schedule_definitions"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ProjectError, match=r"install 'kedro-asgi\[schedules\]' for schedules"):
        async with serving(with_schedules(tiny)):
            pass


async def test_a_reload_reads_schedules_again(tiny: Path) -> None:
    async with serving(tiny) as client:
        assert await client.schedules() == ()
        with_schedules(tiny)
        await client.reload()
        assert [found.name for found in await client.schedules()] == ["daily", "by night"]
        with_schedules(tiny, "\n[tool.kedro-asgi.schedules.bad]\ncron = ''\n")
        with pytest.raises(
            ProblemError, match=r"schedules.bad\]: cron: '' is not a cron expression.*[a-z]\. Nothing has changed"
        ):
            await client.reload()
        assert [found.name for found in await client.schedules()] == ["daily", "by night"]


async def test_the_first_schedules_reach_processes_that_had_none(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDRO_SERVER_RELOAD_SIGNAL", str(tmp_path / "reload"))
    async with serving(tiny) as one, serving(tiny) as other:
        with_schedules(tiny)
        await one.reload()
        with anyio.fail_after(60):
            while len(await other.schedules()) < 2:
                await anyio.sleep(0.02)


NAMES_NOTHING = [
    ('pipeline = "clac"', "there is no pipeline 'clac'. Did you mean 'calc'?"),
    ('pipeline = "calc"\nnode_names = ["ad"]', "does not contain nodes named ['ad']. Did you mean 'add'?"),
    ('pipeline = "calc"\ninputs = { nowhere = 1 }', "names dataset(s) ['nowhere'] that this run does not use."),
    ('pipeline = "calc"\nrunner = "TreadRunner"', "no attribute 'TreadRunner'. Did you mean 'ThreadRunner'"),
    ('pipeline = "calc"\nrunner = "os.path"', "Runner module 'os' is not allowed."),
    ('pipeline = "calc"\ntags = ["none"]', "no nodes"),
]


@pytest.mark.parametrize(("fields", "problem"), NAMES_NOTHING)
async def test_a_schedule_that_names_nothing_keeps_the_server_from_starting(
    tiny: Path, fields: str, problem: str
) -> None:
    with_schedules(tiny, f'\n[tool.kedro-asgi.schedules.daily]\ncron = "0 0 1 1 *"\n{fields}\n')
    with pytest.raises(ProjectError) as caught:
        async with serving(tiny):
            pass
    assert str(caught.value).startswith("Section [tool.kedro-asgi.schedules.daily]: ")
    assert problem in str(caught.value)


async def test_a_reload_refuses_a_schedule_that_names_nothing(tiny: Path) -> None:
    async with serving(with_schedules(tiny)) as client:
        text = (tiny / "pyproject.toml").read_text()
        (tiny / "pyproject.toml").write_text(text.replace('"calc"', '"clac"').replace("29 2", "1 2"))
        with pytest.raises(ProblemError, match=r"daily\]: there is no pipeline 'clac'.*'calc'.*Nothing has changed"):
            await client.reload()
        daily, _ = await client.schedules()
        assert (daily.cron, daily.pipeline_names) == ("0 6 29 2 *", ("calc",))


async def test_a_project_that_cannot_be_opened_is_served_with_its_schedules(tiny: Path) -> None:
    registry = next(tiny.glob("src/*/pipeline_registry.py"))
    registry.write_text("1 / 0\n")
    async with serving(with_schedules(tiny)) as client:
        assert [found.name for found in await client.schedules()] == ["daily", "by night"]
