"""``GET /ready`` and ``POST /reload``: artifacts are loaded before the first request, and replaced between requests."""

import itertools
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.errors import UnknownPreloadError
from kedro_asgi.project import load_project
from kedro_asgi.server import create_http_server
from kedro_asgi.server.admin_routes import AdminRoutes
from kedro_asgi.server.served_schedules import ServedSchedules
from kedro_asgi.server.systemd import ServiceManager
from kedro_asgi.session import AsyncSession

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def predict(weights, offset, x):
    return {"weights": sorted(set(weights)), "offset": offset["value"], "params": x}

def train(value):
    return [value] * 1000, {"value": value}

def register_pipelines():
    return {
        "__default__": Pipeline([node(predict, ["model_weights", "model_offset", "params:x"], "out")]),
        "train": Pipeline([node(train, "params:value", ["model_weights", "model_offset"])]),
    }
"""
CATALOG = '"model_{part}":\n  type: json.JSONDataset\n  filepath: data/{part}.json\n'


def store(project: Path, value: int) -> None:
    """Replace both artifacts and the parameter; each file is replaced at once, but not all together."""
    (project / "data").mkdir(exist_ok=True)
    for name, content in (("weights", [value] * 1000), ("offset", {"value": value})):
        temporary = project / "data" / f".{name}"
        temporary.write_text(json.dumps(content))
        temporary.replace(project / "data" / f"{name}.json")
    (project / "conf" / "base" / "parameters.yml").write_text(f"x: {value}\nvalue: 0\n")


@pytest.fixture
def project(make_project) -> Path:
    made = make_project(REGISTRY, catalog=CATALOG)
    store(made, 1)
    return made


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://server"
    )


async def predict(http: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = (await http.post("/run", json={"outputs": ["out"], **body})).json()
    assert answer["status"] == "success", answer
    return answer["outputs"]["out"]


async def test_the_server_is_ready_when_all_datasets_are_preloaded(project: Path) -> None:
    app = create_http_server(project, preload=["model_*"])
    async with client(app) as http:
        starting = await http.get("/ready")
        assert (starting.status_code, starting.json()) == (503, {"status": "starting"})
        assert ((await http.get("/ready")).status_code, (await http.get("/health")).status_code) == (200, 200)
    async with app.router.lifespan_context(app), client(app) as http:
        assert (await http.get("/ready")).json() == {"status": "ready"}


async def test_a_dataset_that_appears_is_loaded_by_the_next_request(project: Path) -> None:
    away = project / "away.json"
    (project / "data" / "offset.json").rename(away)
    app = create_http_server(project, preload=["model_*"])
    async with app.router.lifespan_context(app), client(app) as http:
        waiting = await http.get("/ready")
        assert (waiting.status_code, list(waiting.json()["missing"])) == (503, ["model_offset"])
        away.rename(project / "data" / "offset.json")
        assert (await http.get("/ready")).json() == {"status": "ready"}


class SlowSession(AsyncSession):
    """A session that reads its configuration slowly."""

    async def try_check(self) -> Any:
        await anyio.sleep(0.2)
        return await super().try_check()


async def test_a_request_waits_while_the_configuration_is_read(project: Path) -> None:
    """A server that has preloaded its datasets does not answer that it is starting."""
    session = SlowSession.create(project, preload=["model_*"])
    runs = Dispatcher(session)
    schedules = ServedSchedules(session, runs, partial(load_project, project))
    admin_routes = AdminRoutes(session, runs, schedules, ServiceManager())
    await session.prepare()
    async with client(Starlette(routes=admin_routes.table())) as http, anyio.create_task_group() as tasks:
        tasks.start_soon(admin_routes.open_project)
        await anyio.wait_all_tasks_blocked()
        assert (await http.get("/ready")).json() == {"status": "ready"}


async def wait_for_status(http: httpx.AsyncClient, status: str) -> dict[str, Any]:
    """Return the answer of ``/ready`` once it has ``status`` and, unless the status is ready, a problem."""
    with anyio.fail_after(60):
        while True:
            answer = (await http.get("/ready")).json()
            if answer["status"] == status and (status == "ready" or "problem" in answer):
                return answer
            await anyio.sleep(0.01)


async def test_without_preloaded_datasets_the_server_is_ready_when_the_project_is_open(tiny: Path) -> None:
    app = create_http_server(tiny)
    async with app.router.lifespan_context(app), client(app) as http:
        assert await wait_for_status(http, "ready") == {"status": "ready"}


async def test_a_server_whose_slots_are_all_stuck_is_not_ready(make_project, tmp_path: Path) -> None:
    held = """
from pathlib import Path
from time import sleep
from kedro_asgi.pipeline import Pipeline, node

def hold(folder):
    Path(folder, "started").touch()
    while not Path(folder, "ended").exists():
        sleep(0.005)

def register_pipelines():
    return {"__default__": Pipeline([node(hold, "params:folder", None)])}
"""
    policy = Policy(max_concurrent_runs=1, stop_patience_seconds=0.01)
    app = create_http_server(make_project(held), policy=policy, store="memory:")
    async with app.router.lifespan_context(app), client(app) as http:
        await wait_for_status(http, "ready")
        run_id = (await http.post("/runs", json={"params": {"folder": str(tmp_path)}})).json()["run_id"]
        with anyio.fail_after(60):
            while not await anyio.Path(tmp_path, "started").exists():
                await anyio.sleep(0.005)
        await http.post(f"/runs/{run_id}/cancel")
        answer = await wait_for_status(http, "stuck")
        assert (await http.get("/ready")).status_code == 503
        assert "asked to stop" in answer["problem"]
        (tmp_path / "ended").touch()
        assert await wait_for_status(http, "ready") == {"status": "ready"}


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"conf/base/catalog.yml": "a: {type: [pandas}\n"}, "ParserError: .*catalog.yml"),
        ({"conf/base/parameters.yml": "a: 1\na: 2\n"}, "ConstructorError: .*found duplicate key a"),
    ],
)
async def test_a_broken_configuration_is_reported_until_it_is_fixed(make_project, broken, problem, caplog) -> None:
    project = make_project(files=broken)
    app = create_http_server(project)
    async with app.router.lifespan_context(app), client(app) as http:
        assert re.match(problem, (await wait_for_status(http, "starting"))["problem"])
        assert (await http.post("/run", json={})).json()["status"] == "failure"
        assert sum("The project cannot be run" in record.message for record in caplog.records) == 1
        for name in broken:
            (project / name).write_text("{a: 1, b: 2}\n" if "parameters" in name else "{}\n")
        await wait_for_status(http, "ready")
        assert (await http.post("/run", json={})).json()["status"] == "success"


async def test_with_a_missing_environment_the_server_is_not_ready(tiny: Path) -> None:
    app = create_http_server(tiny, env="nope")
    async with app.router.lifespan_context(app), client(app) as http:
        assert "nope" in (await wait_for_status(http, "starting"))["problem"]


async def test_a_run_may_save_a_preloaded_dataset_that_was_missing(project: Path) -> None:
    (project / "data" / "offset.json").unlink()
    app = create_http_server(project, preload=["model_*"])
    async with app.router.lifespan_context(app), client(app) as http:
        waiting = await http.get("/ready")
        assert (waiting.status_code, waiting.json()["status"]) == (503, "waiting")
        assert "No such file" in waiting.json()["missing"]["model_offset"]
        assert (await http.post("/run", json={"pipeline_names": ["train"]})).json()["status"] == "success"
        assert (await http.get("/ready")).json() == {"status": "ready"}


async def test_an_unknown_name_to_preload_fails_the_startup(project: Path) -> None:
    app = create_http_server(project, preload=["weights"])
    with pytest.raises(UnknownPreloadError, match=r"names 'weights', but the catalog has no such dataset"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_project_that_does_not_open_is_not_ready_and_its_problem_is_shown(make_project) -> None:
    async with client(create_http_server(make_project("import nope_zz\n"))) as http:
        await http.get("/ready")
        answer = await http.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "starting")
    problem = answer.json()["problem"]
    assert re.fullmatch(r"ModuleNotFoundError: No module named 'nope_zz' \(/.*pipeline_registry\.py, line 1\)", problem)


async def test_concurrent_requests_open_the_project_once(make_project, tmp_path: Path) -> None:
    opening = f"""
import pathlib, time
folder = pathlib.Path({str(tmp_path)!r})
(folder / str(time.time_ns())).with_suffix('.open').touch()
while not (folder / "released").exists():
    time.sleep(0.005)
raise RuntimeError('broken')
"""
    async with client(create_http_server(make_project(opening))) as http, anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(http.get, "/ready")
        await anyio.wait_all_tasks_blocked()
        (tmp_path / "released").touch()
    assert len(list(tmp_path.glob("*.open"))) == 1


async def test_the_environment_and_the_project_may_name_datasets_to_preload(project: Path, monkeypatch) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.kedro-asgi]\npreload = ["model_offset"]\n')
    for variable, expected in (
        (None, ["model_offset"]),
        ("model_weights, model_offset", ["model_offset", "model_weights"]),
    ):
        if variable:
            monkeypatch.setenv("KEDRO_SERVER_PRELOAD", variable)
        async with client(create_http_server(project)) as http:
            await http.get("/ready")
            assert (await http.post("/reload")).json()["preloaded"] == expected


async def test_reload_reads_configuration_and_artifacts_again(project: Path) -> None:
    async with client(create_http_server(project, preload=["model_*"])) as http:
        assert await predict(http) == {"weights": [1], "offset": 1, "params": 1}
        store(project, 2)
        assert await predict(http) == {"weights": [1], "offset": 1, "params": 1}
        answer = await http.post("/reload")
        assert answer.status_code == 200
        assert set(answer.json()) == {"status", "preloaded", "duration_ms"}
        assert await predict(http) == {"weights": [2], "offset": 2, "params": 2}
        assert (await http.get("/reload")).status_code == 405


async def test_a_failed_reload_changes_nothing_and_gives_the_reason(project: Path) -> None:
    async with client(create_http_server(project, preload=["model_*"])) as http:
        await predict(http)
        (project / "data" / "offset.json").write_text("{")
        answer = await http.post("/reload")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] == "The reload failed"
        assert answer.json()["detail"].startswith("DatasetError: Cannot preload 'model_offset': ")
        assert await predict(http) == {"weights": [1], "offset": 1, "params": 1}
        assert (await http.get("/ready")).status_code == 200


@pytest.mark.slow
async def test_runs_during_reloads_each_see_one_consistent_set(project: Path) -> None:
    app = create_http_server(project, preload=["model_*"])
    seen: list[dict[str, Any]] = []
    async with app.router.lifespan_context(app), client(app) as http:
        is_done = anyio.Event()

        async def ask() -> None:
            while not is_done.is_set():
                seen.append(await predict(http))

        async def reload() -> None:
            for value in itertools.islice(itertools.count(2), 40):
                await anyio.to_thread.run_sync(store, project, value)
                assert (await http.post("/reload")).status_code == 200
            is_done.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reload)
            for _ in range(32):
                tasks.start_soon(ask)
        assert await predict(http) == {"weights": [41], "offset": 41, "params": 41}
    assert all(found["weights"] == [found["offset"]] == [found["params"]] for found in seen)
    assert len({found["offset"] for found in seen}) > 10
