"""The files of the dashboard, in process."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.server import create_http_server
from kedro_asgi.server.configuration import ServerConfiguration

pytestmark = pytest.mark.anyio


async def test_the_root_leads_to_the_page(tiny_served: httpx.AsyncClient) -> None:
    for path in ("/", "/dashboard"):
        answer = await tiny_served.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, "dashboard/")
    page = await tiny_served.get("/", follow_redirects=True)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")


async def test_under_a_prefix_the_root_leads_to_the_page_below_it(tiny: Path) -> None:
    app = Starlette(routes=[Mount("/api/penguins", create_http_server(tiny))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host") as http:
        page = await http.get("/api/penguins/", follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, "/api/penguins/dashboard/")


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("vendor/preact.js", "text/javascript; charset=utf-8"),
    ],
)
async def test_files_have_their_type_and_strict_headers(
    tiny_served: httpx.AsyncClient, file: str, media_type: str
) -> None:
    answer = await tiny_served.get(f"/dashboard/{file}")
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy


async def test_a_file_that_a_client_has_is_not_sent_again(tiny_served: httpx.AsyncClient) -> None:
    first = await tiny_served.get("/dashboard/app.js")
    assert first.headers["cache-control"] == "no-cache"
    for known in (first.headers["etag"], f'W/{first.headers["etag"]}, "other"', "*"):
        again = await tiny_served.get("/dashboard/app.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert (await tiny_served.get("/dashboard/app.js", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_head_has_the_headers_and_no_body(tiny_served: httpx.AsyncClient) -> None:
    answer = await tiny_served.head("/dashboard/app.js")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


@pytest.mark.parametrize(
    "path", ["nope.js", "../app.py", "%2e%2e/routes.py", "..%2froutes.py", "vendor/", "//etc/passwd"]
)
async def test_no_other_file_is_served(tiny_served: httpx.AsyncClient, path: str) -> None:
    assert (await tiny_served.get(f"/dashboard/{path}")).status_code == 404


async def test_a_server_without_dashboard_has_no_pages(tiny: Path, serve) -> None:
    async with serve(tiny, dashboard=False) as http:
        assert (await http.get("/")).status_code == (await http.get("/dashboard/")).status_code == 404


def test_argument_variable_and_option_turn_the_dashboard_off(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = tiny / "pyproject.toml"
    assert read(tiny)
    options.write_text(options.read_text() + "\n[tool.kedro-asgi]\ndashboard = false\n")
    assert not read(tiny)
    assert read(tiny, dashboard=True)
    monkeypatch.setenv("KEDRO_SERVER_DASHBOARD", "true")
    assert read(tiny)
    monkeypatch.setenv("KEDRO_SERVER_DASHBOARD", "false")
    assert not read(tiny)


def test_a_broken_project_file_leaves_the_dashboard_on(tmp_path: Path) -> None:
    assert read(tmp_path)
    for text in ("[tool.kedro-asgi", '[tool.kedro-asgi]\ndashboard = "perhaps"\n', "\ud800"):
        (tmp_path / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
        assert read(tmp_path)


def read(project: Path, dashboard: bool | None = None) -> bool:
    return ServerConfiguration.read(project_path=project, env=None, conf_source=None, dashboard=dashboard).dashboard


async def test_only_the_frame_of_figures_allows_styles_in_line(tiny_served: httpx.AsyncClient) -> None:
    policy = (await tiny_served.get("/dashboard/figure.html")).headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert policy.endswith("sandbox allow-scripts allow-downloads")


async def test_the_script_of_figures_comes_from_the_installed_plotly(tiny_served: httpx.AsyncClient) -> None:
    answer = await tiny_served.get("/dashboard/plotly.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "plotly.js v" in answer.text[:500]
    again = await tiny_served.get("/dashboard/plotly.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
