"""Runs whose answers are streamed: chunks of generator nodes, then the answer."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import jsonschema_rs
import pytest
from starlette.applications import Starlette

from kedro_asgi.dispatch import Policy
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = pytest.mark.anyio

REGISTRY = """
import anyio
from kedro_asgi.pipeline import Pipeline, node

STATE = {"yielded": 0, "closed": 0, "calls": 0}

def words(count):
    for number in range(count):
        yield f"word {number} "

def endless(count):
    try:
        while True:
            STATE["yielded"] += 1
            yield STATE["yielded"]
    finally:
        STATE["closed"] += 1

async def pause(count):
    yield "begun"
    await anyio.sleep(3600)

def breaks(count):
    STATE["calls"] += 1
    yield count
    raise ValueError("broken")

def odd(count):
    for number in range(count):
        yield object()

def arrays(count):
    import numpy
    for number in range(count):
        yield numpy.array([number, numpy.nan])

def double(rows):
    return [{"n": 2 * row["n"]} for row in rows]

def register_pipelines():
    def single(function, output):
        return Pipeline([node(function, "params:count", output, name=output)])
    return {
        "__default__": single(words, "text"),
        "endless": single(endless, "text"),
        "pause": single(pause, "text"),
        "breaks": single(breaks, "text"),
        "odd": single(odd, "text"),
        "arrays": single(arrays, "rows"),
        "plain": single(str, "text"),
        "batched": Pipeline([node(double, "rows", "doubled", name="double")]),
    }
"""
LINES_OF = {"accept": "application/x-ndjson"}
CHUNKS = [{"event": "chunk", "output": "text", "value": f"word {number} "} for number in range(3)]


class Call:
    """One request to an application in this process, whose client can read slowly and hang up."""

    def __init__(
        self, app: Starlette, path: str, body: object, headers: Mapping[str, str], *, method: str = "POST"
    ) -> None:
        path, _, query = path.partition("?")
        content = {"content-type": "application/json", "host": "localhost", **headers}
        self._app = app
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in content.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        self._requests = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
        self._gone = anyio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.received: Callable[[bytes], object] = lambda part: None

    async def _receive(self) -> dict[str, Any]:
        if self._requests:
            return self._requests.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        await anyio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif not self._gone.is_set():
            self.parts.append(message["body"])
            self.received(message["body"])

    def hang_up(self) -> None:
        self._gone.set()

    async def answered(self) -> "Call":
        """Wait for the end of the answer."""
        with anyio.fail_after(60):
            await self._app(self._scope, self._receive, self._send)
        return self

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.parts).splitlines()]


async def read(app: Starlette, path: str) -> Any:
    """The JSON at a path."""
    call = await Call(app, path, {}, {}, method="GET").answered()
    return json.loads(b"".join(call.parts))


@asynccontextmanager
async def begun(app: Starlette, path: str, **headers: str) -> Any:
    """A call that has the first chunk of its stream when the block begins, and its whole answer when that ends."""
    call, has_begun = Call(app, path, {}, {**LINES_OF, **headers}), anyio.Event()
    call.received = lambda part: has_begun.set() if b"chunk" in part else None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call.answered)
        with anyio.fail_after(60):
            await has_begun.wait()
        yield call


async def stream(app: Starlette, path: str, body: object = None, **headers: str) -> list[dict[str, Any]]:
    """The events of a stream of lines."""
    call = await Call(app, path, body or {}, {**LINES_OF, **headers}).answered()
    assert (call.status, call.headers["content-type"]) == (200, "application/x-ndjson"), call.parts
    return call.events


@pytest.fixture
def anyio_backend() -> str:
    """The queue of chunks and the sessions are tested with trio, too."""
    return "asyncio"


@pytest.fixture
def project(make_project) -> Path:
    return make_project(REGISTRY, parameters="count: 3\n")


@pytest.fixture
def app(project: Path) -> Starlette:
    return create_http_server(project, store="memory:")


@pytest.fixture
def package(project: Path) -> str:
    return next((project / "src").iterdir()).name


def state(package: str) -> dict[str, int]:
    """What the nodes of the project note."""
    return vars(sys.modules[f"{package}.pipeline_registry"])["STATE"]


async def until_closed(package: str) -> None:
    with anyio.fail_after(60):
        while not state(package)["closed"]:
            await anyio.sleep(0.001)


def answer(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert [event["event"] for event in events].count("answer") == 1
    assert events[-1]["event"] == "answer"
    return events[-1]["answer"]


# --- what is streamed ---


async def test_lines_have_the_id_then_the_chunks_then_the_answer(app: Starlette) -> None:
    accepted, *chunks, last = await stream(app, "/run", {"outputs": ["text"]})
    assert chunks == CHUNKS
    assert (accepted["event"], last["answer"]["run_id"]) == ("accepted", accepted["run_id"])
    assert last["answer"] == {
        "status": "success",
        "run_id": accepted["run_id"],
        "duration_ms": last["answer"]["duration_ms"],
        "outputs": {"text": "word 2 "},
    }


async def test_server_sent_events_have_the_same_as_data(app: Starlette) -> None:
    call = await Call(app, "/run", {"outputs": ["text"]}, {"accept": "text/event-stream"}).answered()
    assert call.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (call.headers["cache-control"], call.headers["x-accel-buffering"]) == ("no-store, no-transform", "no")
    blocks = b"".join(call.parts).decode().split("\n\n")
    assert blocks.pop() == ""
    names = [block.splitlines()[0].removeprefix("event: ") for block in blocks]
    events = [json.loads(block.splitlines()[1].removeprefix("data: ")) for block in blocks]
    assert names == [event["event"] for event in events] == ["accepted", "chunk", "chunk", "chunk", "answer"]
    assert events[1:-1] == CHUNKS


async def test_a_pipeline_of_its_own_route_streams_its_default_outputs(app: Starlette) -> None:
    events = await stream(app, "/pipelines/__default__/run")
    assert events[1:-1] == CHUNKS
    assert answer(events)["outputs"] == {"text": "word 2 "}


async def test_without_wanted_outputs_of_generators_there_is_only_the_answer(app: Starlette) -> None:
    events = await stream(app, "/run")
    assert [event["event"] for event in events] == ["accepted", "answer"]
    assert "outputs" not in answer(events)
    events = await stream(app, "/pipelines/plain/run")
    assert [event["event"] for event in events] == ["accepted", "answer"]


async def test_values_of_libraries_become_json_as_outputs_do(app: Starlette) -> None:
    events = await stream(app, "/pipelines/arrays/run", {"params": {"count": 2}})
    assert [event["value"] for event in events[1:-1]] == [[0.0, None], [1.0, None]]


async def test_a_failed_run_ends_with_the_answer_of_a_failed_run(app: Starlette, package: str) -> None:
    events = await stream(app, "/pipelines/breaks/run", {"retries": {"run": {"retries": 3}}})
    assert [event["event"] for event in events] == ["accepted", "chunk", "answer"]
    error = answer(events)["error"]
    assert (error["type"], error["message"], error["node"]) == ("ValueError", "broken", "text")
    assert state(package)["calls"] == 1, "the reader has a chunk of it"


async def test_a_value_without_a_json_form_is_told_once(app: Starlette) -> None:
    _, problem, last = await stream(app, "/pipelines/odd/run")
    assert problem["problem"] == last["answer"]["output_problems"]["text"]
    assert "no JSON form" in problem["problem"]
    assert "value" not in problem


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/event-stream, */*", "text/event-stream; charset=utf-8"),
        ("Application/X-NDJSON;q=0.5, text/event-stream;q=0.4", "application/x-ndjson"),
        ("application/x-ndjson;q=0.4, application/json;q=0.5", "application/json"),
        ("application/json, text/event-stream", "application/json"),
        ("text/event-stream;q=0", "application/json"),
    ],
)
async def test_the_client_chooses_by_accept(app: Starlette, accept: str, content_type: str) -> None:
    call = await Call(app, "/run", {}, {"accept": accept}).answered()
    assert (call.status, call.headers["content-type"]) == (200, content_type)


# --- refusals ---


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/run", {"outputs": "text"}, 422),
        ("/run?on_hang_up=wait", {}, 422),
        ("/run?on_hang_up=cancel&on_hang_up=cancel", {}, 422),
        ("/pipelines/__default__/run?on_hang_up=", {}, 422),
        ("/pipelines/nothing/run", {}, 404),
        ("/pipelines/__default__/run", {"outputs": ["nothing"]}, 422),
    ],
)
async def test_what_is_refused_has_its_usual_answer(app: Starlette, path: str, body: object, status: int) -> None:
    call = await Call(app, path, body, LINES_OF).answered()
    assert call.status == status, call.parts


async def test_a_full_queue_refuses_a_stream(project: Path) -> None:
    app = create_http_server(project, store="memory:", policy=Policy(max_concurrent_runs=1, max_queued_runs=0))
    async with begun(app, "/pipelines/pause/run") as first:
        second = await Call(app, "/run", {}, LINES_OF).answered()
        assert (second.status, second.headers["content-type"]) == (429, "application/problem+json")
        await Call(app, f"/runs/{first.events[0]['run_id']}/cancel", {}, {}).answered()
    assert answer(first.events)["error"]["type"] == "RunCancelledError"


async def test_access_control_holds(project: Path) -> None:
    token = make_token()
    tokens = token_line("reader", token, ["run"], pipelines=["plain"])
    app = create_http_server(project, store="memory:", tokens=tokens)
    assert (await Call(app, "/run", {}, LINES_OF).answered()).status == 401
    shown = {**LINES_OF, "authorization": f"Bearer {token}"}
    assert (await Call(app, "/pipelines/__default__/run", {}, shown).answered()).status == 403
    assert (await Call(app, "/run", {"pipeline_names": ["endless"]}, shown).answered()).status == 403
    assert answer((await Call(app, "/pipelines/plain/run", {}, shown).answered()).events)["status"] == "success"


# --- ends ---


async def test_a_time_limit_ends_a_stream(app: Starlette) -> None:
    events = await stream(app, "/run?timeout_seconds=0.05", {"pipeline_names": ["pause"], "outputs": ["text"]})
    assert answer(events)["error"]["type"] == "RunTimedOutError"


async def test_a_drain_ends_streams(project: Path, tmp_path: Path) -> None:
    """A promised run that has not begun is left to the next server."""
    policy = Policy(grace_seconds=0.01, max_concurrent_runs=1)
    app = create_http_server(project, store=str(tmp_path / "runs.db"), policy=policy)
    waiting, is_accepted = Call(app, "/run", {}, {**LINES_OF, "idempotency-key": "k"}), anyio.Event()
    waiting.received = lambda part: is_accepted.set()
    async with anyio.create_task_group() as tasks:
        # The block of the lifespan ends first.
        async with app.router.lifespan_context(app):
            call, has_begun = Call(app, "/pipelines/pause/run", {}, LINES_OF), anyio.Event()
            call.received = lambda part: has_begun.set() if b"chunk" in part else None
            tasks.start_soon(call.answered)
            with anyio.fail_after(60):
                await has_begun.wait()
                tasks.start_soon(waiting.answered)
                await is_accepted.wait()
    assert answer(call.events)["status"] == "failure"
    assert [event["event"] for event in waiting.events] == ["accepted", "problem"]
    assert waiting.events[-1]["problem"]["type"] == "urn:kedro-asgi:problem:draining"


@pytest.mark.parametrize(
    ("setting", "query"), [(True, ""), (False, "?on_hang_up=cancel"), (True, "?on_hang_up=cancel")]
)
async def test_a_client_that_hangs_up_cancels_its_run_where_that_is_wanted(
    project: Path, package: str, setting: bool, query: str
) -> None:
    app = create_http_server(project, store="memory:", cancel_on_hang_up=setting)
    call = Call(app, f"/pipelines/endless/run{query}", {}, LINES_OF)
    call.received = lambda part: call.hang_up() if b"chunk" in part else None
    await call.answered()
    await until_closed(package)


@pytest.mark.parametrize(("setting", "query"), [(False, ""), (True, "?on_hang_up=continue")])
async def test_a_run_goes_on_without_its_client(project: Path, setting: bool, query: str) -> None:
    app = create_http_server(project, store="memory:", cancel_on_hang_up=setting)
    call = Call(app, f"/run{query}", {"outputs": ["text"], "params": {"count": 500}}, LINES_OF)
    call.received = lambda part: call.hang_up() if b"chunk" in part else None
    await call.answered()
    run_id = call.events[0]["run_id"]
    assert len(call.events) < 500
    assert (await read(app, f"/runs/{run_id}?wait=60"))["status"] == "success"


async def test_a_slow_client_slows_the_generator(app: Starlette, package: str) -> None:
    call = Call(app, "/pipelines/endless/run?on_hang_up=cancel", {}, LINES_OF)

    def received(part: bytes) -> None:
        numbers = [event["value"] for event in map(json.loads, part.splitlines()) if event["event"] == "chunk"]
        if numbers:
            assert state(package)["yielded"] <= numbers[-1] + 16 + 1
        if numbers and numbers[-1] > 200:
            call.hang_up()

    call.received = received
    await call.answered()
    await until_closed(package)


# --- together with other features ---


async def test_a_repeated_key_gives_the_answer_of_the_first_run(app: Starlette) -> None:
    body = {"outputs": ["text"]}
    first = await stream(app, "/run", body, **{"idempotency-key": "k"})
    assert first[1:-1] == CHUNKS
    again = await stream(app, "/run", body, **{"idempotency-key": "k"})
    assert [event["event"] for event in again] == ["accepted", "answer"]
    assert answer(again) == answer(first)
    call = await Call(app, "/run", {"outputs": []}, {**LINES_OF, "idempotency-key": "k"}).answered()
    assert (call.status, call.headers["content-type"]) == (422, "application/problem+json")


async def test_respond_async_beats_a_stream(app: Starlette) -> None:
    call = await Call(app, "/pipelines/__default__/run", {}, {**LINES_OF, "prefer": "respond-async"}).answered()
    assert (call.status, call.headers["content-type"]) == (202, "application/json")


async def test_a_streamed_run_is_not_joined_with_others(project: Path) -> None:
    batching = {"batched": {"inputs": ["rows"], "outputs": ["doubled"]}}
    app = create_http_server(project, store="memory:", batching=batching)
    for _ in range(3):
        assert answer(await stream(app, "/pipelines/batched/run", {"inputs": {"rows": [{"n": 2}]}}))["outputs"] == {
            "doubled": [{"n": 4}]
        }
    (pipeline,) = (await read(app, "/batching"))["pipelines"]
    assert (pipeline["runs"], pipeline["unbatched"]) == (0, {})


async def test_the_document_describes_the_events(app: Starlette) -> None:
    document = await read(app, "/openapi.json")
    described = jsonschema_rs.validator_for({**document, "$ref": "#/components/schemas/StreamedEvent"})
    for name in ("__default__", "odd", "breaks"):
        for event in await stream(app, f"/pipelines/{name}/run"):
            described.validate(event)
    assert not described.is_valid({"event": "chunk"})
    assert not described.is_valid({"event": "other"})
    operations = [document["paths"][path]["post"] for path in ("/run", "/pipelines/breaks/run")]
    assert all("text/event-stream" in operation["description"] for operation in operations)
    assert all("on_hang_up" in [one["name"] for one in operation["parameters"]] for operation in operations)


async def test_the_schema_names_the_outputs_that_are_streamed(app: Starlette) -> None:
    async def outputs(name: str) -> dict[str, Any]:
        schema = await read(app, f"/pipelines/{name}/schema")
        return schema["properties"]["outputs"]

    assert (await outputs("__default__"))["x-kedro"] == {"streamed": ["text"]}
    assert "x-kedro" not in await outputs("plain")
