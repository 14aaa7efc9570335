"""`AsyncClient`, over an ASGI application in this process."""

import subprocess
import sys
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from kedro_asgi.client import AsyncClient
from kedro_asgi.dispatch import Policy
from kedro_asgi.errors import (
    InvalidAnswerError,
    InvalidRequestError,
    InvalidTokenError,
    KedroAsgiError,
    OutOfRangeError,
    ProblemError,
    ProjectFailedError,
    RunFailedError,
    ServerStatusError,
    ServerUnreachableError,
)
from kedro_asgi.events import LogLine, RunEnded
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = pytest.mark.anyio


async def test_answers_are_typed(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        assert (await client.health()).status == "healthy"
        snapshot = await client.snapshot(params="c=5")
        assert snapshot.parameters == ("a", "b", "c")
        assert [pipeline.name for pipeline in snapshot.pipelines] == ["__default__", "calc"]
        answer = await client.run(["calc"], params={"a": 4}, outputs=["d"])
    assert answer.outputs == {"d": 12}
    assert answer.duration_ms >= 0


def test_without_httpx_the_client_names_the_extra_to_install() -> None:
    hidden = "import sys; sys.modules['httpx'] = None; import kedro_asgi.client"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, timeout=60)
    assert "ImportError: The client needs an extra: pip install 'kedro-asgi[client]'" in done.stderr


async def test_a_run_is_repeated(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        first = await client.wait((await client.submit(outputs=["d"], retries={"node": {"retries": 1}})).run_id)
        again = await client.wait((await client.rerun(first.run_id)).run_id)
        assert (again.status, again.rerun_of, again.request) == ("success", first.run_id, first.request)
        with pytest.raises(ProblemError, match="it has succeeded"):
            await client.rerun(first.run_id, from_failure=True)
        with pytest.raises(OutOfRangeError, match="retries: "):
            await client.run(retries={"node": {"retries": 1000}})


async def test_ready_and_reload(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny), retries=0) as client:
        assert (await client.ready()).status == "starting"
        assert (await client.ready()).status == "ready"
        (tiny / "conf" / "base" / "parameters.yml").write_text("a: 5\nb: 2\n")
        assert (await client.reload()).preloaded == []
        assert (await client.run(outputs=["d"])).outputs == {"d": 14}
        (tiny / "conf" / "base" / "parameters.yml").write_text("a: [")
        with pytest.raises(ProblemError, match="ParserError.*Nothing has changed"):
            await client.reload()
        assert (await client.ready()).status == "ready"


async def test_the_base_url_may_have_a_path(tiny: Path) -> None:
    app = Starlette(routes=[Mount("/deep/down", create_http_server(tiny))])
    async with AsyncClient("http://host/deep/down", app=app) as client:
        assert (await client.run(outputs=["d"])).outputs == {"d": 6}


async def test_a_failed_run_raises_the_error_of_the_run(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        with pytest.raises(RunFailedError) as caught:
            await client.run("nope")
    assert caught.value.type == "ValueError"
    assert "Failed to find the pipeline named 'nope'" in caught.value.message
    assert caught.value.run_id


async def test_a_failed_snapshot_raises(make_project) -> None:
    async with AsyncClient(app=create_http_server(make_project("import nope_zz\n"))) as client:
        with pytest.raises(ProjectFailedError, match="ModuleNotFoundError"):
            await client.snapshot()


async def test_an_error_status_raises(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny, max_body_bytes=100)) as client:
        with pytest.raises(InvalidRequestError, match="not a valid Python dotted identifier"):
            await client.run(runner="bad-name!")
        with pytest.raises(ServerStatusError) as caught:
            await client.run(inputs={"s": "x" * 200})
    assert caught.value.status_code == 413


async def test_the_answer_of_another_server_raises() -> None:
    async def page(request):
        return PlainTextResponse("hello")

    async with AsyncClient(app=Starlette(routes=[Route("/health", page)])) as client:
        with pytest.raises(InvalidAnswerError, match="health"):
            await client.health()


async def test_an_unreachable_server_raises(closed_port: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{closed_port}", retries=1) as client:
        with pytest.raises(ServerUnreachableError, match="No answer from"):
            await client.health()


async def test_an_input_that_json_cannot_express_raises(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        with pytest.raises(KedroAsgiError, match="cannot be encoded as JSON"):
            await client.run(inputs={"s": object()})


@pytest.mark.parametrize("value", [float("nan"), [1.0, float("inf")], {1: "a", "1": "b"}])
async def test_a_value_that_json_would_change_is_not_sent(tiny: Path, value: object) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        for argument in ("inputs", "params"):
            with pytest.raises(KedroAsgiError, match="cannot be encoded as JSON: .*JSON"):
                await client.run(**{argument: {"s": value}})


async def test_an_input_that_is_not_valid_unicode_is_sent(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        assert (await client.run(from_nodes="double", inputs={"s": "half a pair: \ud800"})).run_id


async def test_a_run_is_submitted_followed_and_fetched(work: Path) -> None:
    async with AsyncClient(app=create_http_server(work, store="memory:")) as client:
        run = await client.submit("calc", outputs=["d"], labels={"team": "ml"}, timeout_seconds=60)
        record = await client.wait(run.run_id)
        assert (record.status, record.labels, record.timeout_seconds) == ("success", {"team": "ml"}, 60)
        assert await client.output(run.run_id, "d") == 6
        events = [event async for event in client.events(run.run_id)]
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert isinstance(events[-1], RunEnded)
        assert [event async for event in client.events(run.run_id, after=len(events) - 1)] == events[-1:]
        page = await client.runs(labels={"team": "ml"}, status="success", limit=1)
        assert [found.run_id for found in page.runs] == [run.run_id]


ODD = """
import logging
from kedro_asgi.pipeline import Pipeline, node

def log_lines(x):
    logging.getLogger("project").warning("one\\u2028two\\x85three")
    return x

def register_pipelines():
    return {"__default__": Pipeline([node(log_lines, "params:a", "what?#", name="log_lines")])}
"""


async def test_special_characters_in_texts_and_names_survive(make_project) -> None:
    app = create_http_server(make_project(ODD), store="memory:")
    async with app.router.lifespan_context(app), AsyncClient(app=app) as client:
        run = await client.submit(outputs=["what?#"])
        lines = [event.message async for event in client.events(run.run_id) if isinstance(event, LogLine)]
        assert "one\u2028two\x85three" in lines
        assert await client.output(run.run_id, "what?#") == 1


async def test_wait_polls_within_the_time_limit_of_one_answer() -> None:
    waits: list[float] = []

    async def read(request):
        waits.append(float(request.query_params.get("wait", 0)))
        status = "success" if len(waits) == 3 else "running"
        return JSONResponse({"run_id": "r", "status": status, "created_at": "2026-11-21T00:00:00Z"})

    app = Starlette(routes=[Route("/runs/{run_id}", read)])
    async with AsyncClient(app=app, timeout_seconds=10) as client:
        assert (await client.wait("r")).status == "success"
    assert waits == [0, 5, 5]


async def test_a_run_is_cancelled(work: Path) -> None:
    async with AsyncClient(app=create_http_server(work, store="memory:")) as client:
        run = await client.submit(["wait"], params={"seconds": 30})
        assert not (await client.wait(run.run_id, timeout_seconds=0)).is_final
        await client.cancel(run.run_id)
        assert (await client.wait(run.run_id)).status == "cancelled"


async def test_one_key_is_one_run(work: Path) -> None:
    async with AsyncClient(app=create_http_server(work, store="memory:")) as client:
        first = await client.submit("calc", key="k")
        assert (await client.submit("calc", key="k")).run_id == first.run_id
        assert (await client.run("calc", key="l")).run_id == (await client.run("calc", key="l")).run_id


async def test_a_problem_raises_with_its_type(work: Path) -> None:
    policy = Policy(max_concurrent_runs=1, max_queued_runs=0, grace_seconds=0)
    async with AsyncClient(app=create_http_server(work, store="memory:", policy=policy), retries=0) as client:
        with pytest.raises(ProblemError, match="There is no run 'nope'") as caught:
            await client.read("nope")
        assert (caught.value.status_code, caught.value.type) == (404, "urn:kedro-asgi:problem:run-not-found")
        with pytest.raises(ProblemError):
            [event async for event in client.events("nope")]
        await client.submit("wait", params={"seconds": 30})
        with pytest.raises(ProblemError) as caught:
            await client.run("calc")
        assert (caught.value.status_code, caught.value.retry_after_seconds) == (429, 1.0)


async def test_a_refused_request_is_repeated_after_the_requested_time() -> None:
    times: list[float] = []

    async def busy(request):
        times.append(anyio.current_time())
        if len(times) == 1:
            return PlainTextResponse("later", 429, headers={"Retry-After": "1"})
        if len(times) == 2:
            return PlainTextResponse("later", 503)
        return JSONResponse({"status": "success", "run_id": "r", "duration_ms": 1.0})

    async with AsyncClient(app=Starlette(routes=[Route("/run", busy, methods=["POST"])])) as client:
        assert (await client.run("calc")).run_id == "r"
    assert times[1] - times[0] >= 1
    assert times[2] - times[1] >= 0.2


async def test_a_stream_that_is_refused_again_and_again_raises_what_the_server_says() -> None:
    times: list[float] = []

    async def draining(request):
        times.append(anyio.current_time())
        problem = {"type": "urn:x:draining", "title": "Draining", "status": 503, "detail": "It is shutting down."}
        headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
        return JSONResponse(problem, 503, headers=headers)

    async with AsyncClient(app=Starlette(routes=[Route("/events", draining)]), retries=1) as client:
        with pytest.raises(ProblemError, match="It is shutting down") as caught:
            [event async for event in client.events()]
    assert (caught.value.type, caught.value.retry_after_seconds) == ("urn:x:draining", 1.0)
    assert len(times) == 2
    assert times[1] - times[0] >= 1


async def test_streams_connect_within_the_limit_of_the_client() -> None:
    limits: list[dict[str, float]] = []

    async def note(request: httpx.Request) -> None:
        limits.append(request.extensions["timeout"])

    app = Starlette(routes=[Route("/run", lambda request: PlainTextResponse("no", 404), methods=["POST"])])
    options = {"connect_timeout_seconds": 1.5, "retries": 0, "event_hooks": {"request": [note]}}
    async with AsyncClient(app=app, **options) as client:
        with pytest.raises(ServerStatusError):
            [event async for event in client.events()]
        with pytest.raises(ServerStatusError):
            [chunk async for chunk in client.stream()]
    assert [limit["connect"] for limit in limits] == [1.5, 1.5]


@pytest.mark.parametrize(("key", "tries"), [("k", 3), (None, 1)])
async def test_a_request_without_an_answer_is_repeated_only_where_that_is_safe(key: str | None, tries: int) -> None:
    keys: list[str | None] = []

    async def bad_gateway(request):
        keys.append(request.headers.get("idempotency-key"))
        return PlainTextResponse("gateway", 502)

    app = Starlette(routes=[Route("/run", bad_gateway, methods=["POST"])])
    async with AsyncClient(app=app, retries=2) as client:
        with pytest.raises(ServerStatusError, match="502"):
            await client.run("calc", key=key)
    assert keys == [key] * tries


async def test_pipelines_and_their_graphs_are_values(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        listed = await client.pipelines()
        found = await client.pipeline(listed.pipelines[1].name)
        picture = await client.graph("calc", run_id=(await client.run(["calc"])).run_id, parameters=False)
        page = await client.runs()
        timeline = await client.timeline(page.runs[0].run_id)
        ran = await client.nodes(page.runs[0].run_id)
    assert (found.name, [node.name for node in found.nodes]) == ("calc", ["add", "double"])
    assert {box.kind for box in found.layout.boxes} == {"node", "dataset", "parameter"}
    assert "node success" in picture
    assert "params:a" not in picture.partition("</desc>")[2]
    assert [node.state for node in ran.nodes] == ["success", "success"]
    assert timeline.startswith("<svg")


async def test_one_pipeline_is_run_by_its_name_and_checked_first(tiny: Path) -> None:
    async with AsyncClient(app=create_http_server(tiny)) as client:
        assert (await client.run_pipeline("calc", params={"a": 5})).outputs == {"d": 14}
        assert (await client.run_pipeline("calc", outputs="s", node_names=["add"])).outputs == {"s": 3}
        with pytest.raises(ProblemError, match="body.params.c: Extra inputs are not permitted"):
            await client.run_pipeline("calc", params={"c": 1})
        with pytest.raises(RunFailedError):
            await client.run_pipeline("calc", params={"a": None})


async def test_the_client_shows_its_token(tiny: Path) -> None:
    token = make_token()
    app = create_http_server(tiny, tokens=token_line("ci", token, ["read", "run"]), store="memory:")
    async with AsyncClient(app=app, token=token, headers={"X-Team": "ml"}) as client:
        record = await client.submit(outputs=["d"])
        events = [event async for event in client.events(record.run_id)]
        assert isinstance(events[-1], RunEnded)
        with pytest.raises(ProblemError, match="does not have the scope 'cancel'"):
            await client.cancel(record.run_id)
    async with AsyncClient(app=app) as client:
        with pytest.raises(ProblemError, match="Send a token") as caught:
            await client.run()
        assert caught.value.type == "urn:kedro-asgi:problem:not-authenticated"


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-User: root", "é", "Bearer a"])
def test_what_is_no_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        AsyncClient(token=token)
    assert not token or token not in str(caught.value)
