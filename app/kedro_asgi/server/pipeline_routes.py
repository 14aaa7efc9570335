"""The routes of pipelines: what the project can run, as JSON and as pictures."""

from collections.abc import Callable
from hashlib import blake2b
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.encoding import encode_json
from kedro_asgi.graph import PipelineGraph, ProjectGraphs
from kedro_asgi.schemas import PipelineDescription, PipelineList, PipelineSummary
from kedro_asgi.server.problems import explain_project_error
from kedro_asgi.session import AsyncSession, KedroServiceSession

_MAX_ANSWERS = 256

Make = Callable[[ProjectGraphs], bytes]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A body and its entity tag."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> "Answer":
        """Return the answer with ``body``; equal bodies have equal tags."""
        return cls(body=body, etag=f'"{blake2b(body, digest_size=12).hexdigest()}"')


class CompiledProject:
    """The graphs of a planner, and the answers made of them; a reload brings another planner, so another of these."""

    def __init__(self, graphs: ProjectGraphs) -> None:
        self.graphs = graphs
        self.answers: BoundedCache[str, Answer] = BoundedCache(_MAX_ANSWERS)


class PipelineRoutes:
    """``GET /pipelines`` and the routes below it, of one served project."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._compiled: CompiledProject | None = None

    def table(self) -> list[Route]:
        """Return the routes; the name of a pipeline may contain slashes."""
        return [
            Route("/pipelines", self.list, methods=["GET"]),
            Route("/pipelines/{name:path}", self.read, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """List the pipelines."""
        return await self._respond(request, "", lambda graphs: encode_json(_list(graphs)))

    async def read(self, request: Request) -> Response:
        """Return one pipeline: its nodes, datasets, parameters and edges."""
        name = request.path_params["name"]
        return await self._respond(request, f"/{name}", lambda graphs: encode_json(_description(graphs.graph(name))))

    async def _respond(self, request: Request, key: str, make: Make) -> Response:
        """Respond with the answer that is kept under ``key``, or with what ``make`` returns in a thread."""
        answer = self._known(key)
        if answer is None:
            outcome = await self._session.in_free_thread(lambda session: self._made(session, key, make))
            if outcome.error is not None:
                return explain_project_error(outcome.error)
            answer = outcome.value()
        return answer_unless_known(request, answer, "application/json")

    def _known(self, key: str) -> Answer | None:
        session, compiled = self._session.prepared, self._compiled
        if session is None or compiled is None or compiled.graphs.planner is not session.engine.planner:
            return None
        return compiled.answers.get(key)

    def _made(self, session: KedroServiceSession, key: str, make: Make) -> Answer:
        compiled, planner = self._compiled, session.engine.planner
        if compiled is None or compiled.graphs.planner is not planner:
            # Two threads may both get here; they read the same, so it does not matter which is last.
            compiled = self._compiled = CompiledProject(ProjectGraphs(planner))
        return compiled.answers.add(key, Answer.of(make(compiled.graphs)))


def answer_unless_known(request: Request, answer: Answer, media_type: str) -> Response:
    """Respond 304 to a client that has the answer already."""
    headers = {"ETag": answer.etag, "Cache-Control": "no-cache"}
    known = request.headers.get("if-none-match", "")
    if known == "*" or answer.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type=media_type)


def _list(graphs: ProjectGraphs) -> PipelineList:
    summaries = tuple(_summary(graphs.graph(name)) for name in graphs.pipelines)
    return PipelineList(
        project_name=graphs.planner.project.project_name, pipelines=summaries, broken=dict(graphs.broken)
    )


def _summary(graph: PipelineGraph) -> PipelineSummary:
    return PipelineSummary(
        name=graph.name,
        nodes=len(graph.nodes),
        inputs=graph.inputs,
        outputs=graph.outputs,
        parameters=tuple(found.name for found in graph.parameters),
        tags=graph.tags,
        namespaces=graph.namespaces,
        links={"self": f"pipelines/{quote(graph.name, safe='')}"},
    )


def _description(graph: PipelineGraph) -> PipelineDescription:
    return PipelineDescription(**msgspec.structs.asdict(graph), links={"self": quote(graph.name, safe="")})
