"""The application mounted in other applications, with and without its lifespan."""

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.server import create_http_server

pytestmark = pytest.mark.anyio


def client(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host")


@pytest.mark.parametrize("prefix", ["/penguins", "/api/v1/kedro"])
async def test_the_application_works_mounted_without_its_lifespan(tiny: Path, prefix: str) -> None:
    app = Starlette(routes=[Mount(prefix, create_http_server(tiny))])
    async with client(app) as http:
        assert (await http.get(f"{prefix}/health")).json()["status"] == "healthy"
        assert (await http.get(f"{prefix}/snapshot")).json()["status"] == "success"
        answer = (await http.post(f"{prefix}/run", json={"outputs": ["d"]})).json()
        assert answer["outputs"] == {"d": 6}
        assert (await http.get(f"{prefix}/run")).status_code == 405
        assert (await http.get(f"{prefix}/nope")).json() == {"detail": "Not Found"}
        redirect = await http.post(f"{prefix}/run/", json={})
        assert (redirect.status_code, redirect.headers["location"]) == (307, f"http://host{prefix}/run")


async def test_the_application_works_mounted_with_its_lifespan(tiny: Path) -> None:
    served = create_http_server(tiny)

    @asynccontextmanager
    async def lifespan(app):
        async with served.router.lifespan_context(served):
            yield

    app = Starlette(routes=[Mount("/kedro", served)], lifespan=lifespan)
    async with app.router.lifespan_context(app), client(app) as http:
        assert (await http.post("/kedro/run", json={"outputs": ["d"]})).json()["outputs"] == {"d": 6}


async def test_the_application_works_mounted_in_fastapi(tiny: Path, anyio_backend_name: str) -> None:
    app = FastAPI()
    app.mount("/kedro", create_http_server(tiny))
    async with client(app) as http:
        assert (await http.post("/kedro/run", json={"outputs": ["d"]})).json()["outputs"] == {"d": 6}


async def test_two_projects_run_concurrently_in_one_host(make_project) -> None:
    one = make_project(parameters="a: 1\nb: 1\n", name="one")
    two = make_project(parameters="a: 20\nb: 1\n", name="two")
    app = Starlette(routes=[Mount("/one", create_http_server(one)), Mount("/two", create_http_server(two))])
    answers: dict[str, set[int]] = {"one": set(), "two": set()}

    async def ask(http: httpx.AsyncClient, name: str) -> None:
        answer = (await http.post(f"/{name}/run", json={"outputs": ["d"]})).json()
        answers[name].add(answer["outputs"]["d"])

    async with client(app) as http, anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(ask, http, "one")
            tasks.start_soon(ask, http, "two")
    assert answers == {"one": {4}, "two": {42}}


async def test_a_broken_project_fails_the_startup(tmp_path: Path) -> None:
    app = create_http_server(tmp_path)
    with pytest.raises(RuntimeError, match="Could not find the project configuration file 'pyproject.toml'"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_run_fails_if_the_mounted_folder_is_not_a_project(tmp_path: Path) -> None:
    async with client(create_http_server(tmp_path)) as http:
        body = (await http.post("/run", json={})).json()
    assert body["error"]["type"] == "RuntimeError"
    assert "pyproject.toml" in body["error"]["message"]


HANGING = """
import time
from pathlib import Path
while not Path("{folder}/released").exists():
    time.sleep(0.01)
def register_pipelines():
    return {}
"""


async def test_a_project_that_hangs_when_it_is_imported_holds_up_no_other(make_project, tmp_path: Path) -> None:
    hanging = make_project(HANGING.replace("{folder}", str(tmp_path)), name="hanging")
    other = make_project(name="other")
    app = Starlette(routes=[Mount(f"/{path.name}", create_http_server(path)) for path in (hanging, other)])
    async with client(app) as http, anyio.create_task_group() as tasks:
        tasks.start_soon(http.get, "/hanging/snapshot")
        with anyio.fail_after(60):
            while not any(
                name.endswith(".pipeline_registry") for name in list(sys.modules) if name.startswith("made_")
            ):
                await anyio.sleep(0.01)
            assert (await http.post("/other/run", json={"outputs": ["d"]})).json()["outputs"] == {"d": 6}
        (tmp_path / "released").touch()


async def test_a_request_to_a_project_that_hangs_can_be_cancelled(make_project, tmp_path: Path) -> None:
    hanging = make_project(HANGING.replace("{folder}", str(tmp_path)))
    async with client(create_http_server(hanging)) as http:
        with anyio.move_on_after(0.1) as scope:
            await http.get("/snapshot")
    assert scope.cancelled_caught
    (tmp_path / "released").touch()
