"""``GET /openapi.json``: the description of all routes, with those of the project's own pipelines."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON
from kedro_asgi.outcome import Outcome
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.server.typed_pipelines import TypedPipelines
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.versions import kedro_version

if TYPE_CHECKING:
    from kedro_asgi.server.typed_pipeline import TypedPipeline

# Proxies choose the prefixes under which an application is mounted.
_MAX_PREFIXES = 16


class DescriptionRoutes:
    """The description of one server; a reload renews it."""

    def __init__(self, session: AsyncSession, pipelines: TypedPipelines, configuration: ServerConfiguration) -> None:
        self._configuration = configuration
        self._answers: PlannerCache[Mapping[str, TypedPipeline], str, StaticFile] = PlannerCache(
            session, pipelines.registered, size=_MAX_PREFIXES
        )

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/openapi.json", self.openapi, methods=["GET"])]

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document; under a prefix, it names the server that its paths belong to.

        It describes no pipelines while the project cannot be read.
        """
        prefix = request.scope.get("root_path", "")
        found = await self._answers.find(prefix, partial(_document, prefix, self._configuration))
        if found.error is not None:
            found = await run_in_daemon_thread(partial(Outcome.of, partial(_document, prefix, self._configuration, {})))
        return static_response(request, found.value())


def _document(prefix: str, configuration: ServerConfiguration, pipelines: Mapping[str, "TypedPipeline"]) -> StaticFile:
    # The document is of no use to a run, so the modules that write it are imported with the first one.
    from kedro_asgi.server.openapi import openapi
    from kedro_asgi.server.openapi_access import with_access
    from kedro_asgi.server.openapi_agents import with_agents
    from kedro_asgi.server.typed_openapi import with_pipelines

    servers = {"servers": [{"url": quote(prefix)}]} if prefix else {}
    described = openapi(kedro_version(), has_metrics=configuration.metrics, has_inference=configuration.open_inference)
    if configuration.mcp:
        described = with_agents(described)
    document = with_access(with_pipelines(described, pipelines), configuration.access)
    content = encode_json({**document, **servers})
    return StaticFile.of(content, JSON, is_compressed=True)
