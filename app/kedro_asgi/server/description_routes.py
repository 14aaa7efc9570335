"""``GET /openapi.json``: the description of all routes, with those of the project's own pipelines."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.encoding import encode_json
from kedro_asgi.plan import Planner
from kedro_asgi.server.openapi import openapi
from kedro_asgi.server.static_files import StaticFile, static_response
from kedro_asgi.server.typed_openapi import with_pipelines
from kedro_asgi.server.typed_pipelines import TypedPipeline, TypedPipelines
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.versions import kedro_version

# Proxies choose the prefixes under which an application is mounted.
_MAX_PREFIXES = 16


class DescriptionRoutes:
    """The description of one server; a reload renews it."""

    def __init__(self, pipelines: TypedPipelines) -> None:
        self._pipelines = pipelines
        self._document = openapi(kedro_version())
        self._planner: Planner | None = None
        self._answers: BoundedCache[str, StaticFile] = BoundedCache(_MAX_PREFIXES)

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/openapi.json", self.openapi, methods=["GET"])]

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document; under a prefix, it names the server that its paths belong to.

        It describes no pipelines while the project cannot be read.
        """
        prefix = request.scope.get("root_path", "")
        if self._planner is None or self._planner is not self._pipelines.planner:
            self._answers = BoundedCache(_MAX_PREFIXES)
        answer = self._answers.get(prefix) or await self._made(prefix)
        return static_response(request, answer)

    async def _made(self, prefix: str) -> StaticFile:
        outcome = await self._pipelines.registered()
        if outcome.error is not None:
            return await run_in_daemon_thread(lambda: self._answer(prefix, {}))
        pipelines = outcome.value()
        self._planner = next((found.planner for found in pipelines.values()), None)
        answers = self._answers
        return answers.add(prefix, await run_in_daemon_thread(lambda: self._answer(prefix, pipelines)))

    def _answer(self, prefix: str, pipelines: Mapping[str, TypedPipeline]) -> StaticFile:
        servers = {"servers": [{"url": prefix}]} if prefix else {}
        return StaticFile.of(encode_json({**with_pipelines(self._document, pipelines), **servers}), "application/json")
