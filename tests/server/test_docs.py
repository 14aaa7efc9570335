"""The page that shows the OpenAPI document, in process."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.server import create_http_server
from kedro_asgi.server.configuration import ServerConfiguration

pytestmark = pytest.mark.anyio


async def test_the_page_comes_from_the_package_and_asks_no_other_host(tiny_served: httpx.AsyncClient) -> None:
    page = await tiny_served.get("/docs", follow_redirects=True)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    for file in ("page.js", "vendor/swagger-ui.js", "vendor/swagger-ui.css"):
        assert (await tiny_served.get(f"/docs/{file}")).status_code == 200
    assert (await tiny_served.get("/docs/nope.js")).status_code == 404


async def test_under_a_prefix_the_page_is_below_it(tiny: Path) -> None:
    app = Starlette(routes=[Mount("/api/penguins", create_http_server(tiny))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host") as http:
        page = await http.get("/api/penguins/docs", follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, "/api/penguins/docs/")


async def test_a_server_without_docs_still_has_its_document(tiny: Path, serve) -> None:
    async with serve(tiny, docs=False) as http:
        assert (await http.get("/docs")).status_code == (await http.get("/docs/")).status_code == 404
        assert (await http.get("/openapi.json")).status_code == 200


def test_argument_variable_and_option_turn_the_page_off(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServerConfiguration.read(project_path=tiny).docs
    options = tiny / "pyproject.toml"
    options.write_text(options.read_text() + "\n[tool.kedro-asgi]\ndocs = false\n")
    assert not ServerConfiguration.read(project_path=tiny).docs
    assert ServerConfiguration.read(project_path=tiny, docs=True).docs
    monkeypatch.setenv("KEDRO_SERVER_DOCS", "true")
    assert ServerConfiguration.read(project_path=tiny).docs
