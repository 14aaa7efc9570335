"""``GET /openapi.json``: the description of all routes, with those of the project's own pipelines."""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

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
from kedro_asgi.session import Outcome
from kedro_asgi.session.daemon_thread import run_in_daemon_thread
from kedro_asgi.versions import kedro_version

# Proxies choose the prefixes under which an application is mounted.
_MAX_PREFIXES = 16


class _Described:
    """The documents of what a planner has compiled, by prefix; a reload brings another planner, so another of these."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.lock = threading.Lock()
        self.answers: BoundedCache[str, StaticFile] = BoundedCache(_MAX_PREFIXES)


class DescriptionRoutes:
    """The description of one server; a reload renews it."""

    def __init__(self, pipelines: TypedPipelines) -> None:
        self._pipelines = pipelines
        self._document = openapi(kedro_version())
        self._described: _Described | None = None

    def table(self) -> list[Route]:
        """Return the routes."""
        return [Route("/openapi.json", self.openapi, methods=["GET"])]

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document; under a prefix, it names the server that its paths belong to.

        It describes no pipelines while the project cannot be read.
        """
        prefix = request.scope.get("root_path", "")
        described = self._described
        known = None if described is None or described.planner is not self._pipelines.planner else described
        answer = None if known is None else known.answers.get(prefix)
        return static_response(request, answer or await self._made(prefix))

    async def _made(self, prefix: str) -> StaticFile:
        found = await self._pipelines.registered()
        pipelines = {} if found.error is not None else found.value()
        planner = next((each.planner for each in pipelines.values()), None)
        if planner is None:
            return await _in_thread(lambda: self._document_of(prefix, {}))
        described = self._described
        if described is None or described.planner is not planner:
            described = self._described = _Described(planner)
        return await _in_thread(lambda: self._kept(described, prefix, pipelines))

    def _kept(self, described: _Described, prefix: str, pipelines: Mapping[str, TypedPipeline]) -> StaticFile:
        # Many callers ask at once after a reload: one thread writes, and the others wait for what it writes.
        with described.lock:
            known = described.answers.get(prefix)
            return known or described.answers.add(prefix, self._document_of(prefix, pipelines))

    def _document_of(self, prefix: str, pipelines: Mapping[str, TypedPipeline]) -> StaticFile:
        servers = {"servers": [{"url": quote(prefix)}]} if prefix else {}
        content = encode_json({**with_pipelines(self._document, pipelines), **servers})
        return StaticFile.of(content, "application/json", is_compressed=True)


async def _in_thread(work: Callable[[], StaticFile]) -> StaticFile:
    return (await run_in_daemon_thread(partial(Outcome.of, work))).value()
