"""A served project, called in this process."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kedro_asgi.server import create_http_server

Serve = Callable[..., httpx.AsyncClient]


@pytest.fixture
def serve() -> Serve:
    """Return a function that returns an HTTP client of a project's application; its lifespan does not run."""

    def make(project: Path, **arguments: object) -> httpx.AsyncClient:
        app = create_http_server(project, **arguments)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://server")

    return make


@pytest.fixture
def tiny(make_project) -> Path:
    """The tiny project of the contract, with the catalog that Kedro's answers were recorded with."""
    return make_project(catalog="out:\n  type: json.JSONDataset\n  filepath: data/out.json\n")


@pytest.fixture
def tiny_served(tiny: Path, serve: Serve) -> httpx.AsyncClient:
    return serve(tiny)
