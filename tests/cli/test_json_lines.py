"""Lines of JSON: what they hold, and that each is one line that parses, whatever is logged."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from kedro_asgi.cli.log_format import JsonFormatter
from kedro_asgi.current_request import CURRENT_REQUEST, CurrentRequest
from kedro_asgi.run_context import CURRENT_NODE, CURRENT_RUN, RunContextFilter
from serving import Process


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    RunContextFilter().filter(record)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert text.encode()
    line: dict[str, Any] = json.loads(text)
    return line


def record_of(message: Any, *args: Any, **facts: Any) -> logging.LogRecord:
    record = logging.LogRecord("shop", logging.INFO, __file__, 1, message, args, facts.pop("exc_info", None))
    record.__dict__.update(facts)
    return record


@pytest.mark.parametrize(
    "message",
    [
        "a\nb\r\n\x00\x1b[31m",
        "\ud800 half",
        "\u2028\u2029\u202e 😀",
        "x" * 1_000_000,
        "",
        '{"level": "forged"}',
        "100%",
    ],
)
def test_any_message_is_one_line_that_parses(message: str) -> None:
    line = line_of(record_of(message))
    assert line["message"] == message.replace("\ud800", "\\ud800")
    assert line["level"] == "INFO"


def test_a_time_is_in_utc_by_rfc_3339() -> None:
    text = line_of(record_of("x"))["timestamp"]
    assert text.endswith("Z")
    assert datetime.fromisoformat(text).utcoffset().total_seconds() == 0


def test_arguments_that_do_not_fit_lose_no_line() -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("no text")

    assert line_of(record_of("%d trees", "three"))["message"] == "%d trees (its arguments do not fit: TypeError)"
    assert "ValueError" in line_of(record_of("%s", Broken()))["message"]


def test_an_exception_has_its_type_message_and_stack() -> None:
    try:
        raise ValueError("bad\nvalue")
    except ValueError as error:
        record = record_of("it failed", exc_info=(type(error), error, error.__traceback__))
    line = line_of(record)
    assert (line["message"], line["exception"]["type"], line["exception"]["message"]) == (
        "it failed",
        "ValueError",
        "bad\nvalue",
    )
    assert line["exception"]["stack"].startswith("Traceback")


def test_a_line_names_the_request_the_run_and_the_node() -> None:
    tokens = (
        (CURRENT_REQUEST, CURRENT_REQUEST.set(CurrentRequest("ticket-1"))),
        (CURRENT_RUN, CURRENT_RUN.set(("run-1", ("train", "test")))),
        (CURRENT_NODE, CURRENT_NODE.set("fit")),
    )
    line = line_of(record_of("x"))
    for variable, token in tokens:
        variable.reset(token)
    assert [line[name] for name in ("request_id", "run_id", "pipeline", "node")] == [
        "ticket-1",
        "run-1",
        "train, test",
        "fit",
    ]
    outside = line_of(record_of("x"))
    assert (outside["run_id"], "request_id" in outside, "trace_id" in outside) == (None, False, False)


NODES = """
import logging, warnings
from kedro_asgi.pipeline import Pipeline, node

def tell(a):
    log = logging.getLogger(__name__)
    log.info("odd \\ud800 \\u2028 and\\nnew line %s", a)
    log.info("%d", "wrong")
    log.info("y" * 100_000)
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("divided")
    warnings.warn("careful")
    return a

def boom(a):
    raise ValueError("no\\nluck")

def register_pipelines():
    return {
        "__default__": Pipeline([node(tell, "params:a", "out", name="tell")]),
        "boom": Pipeline([node(boom, "params:a", "never", name="boom")]),
    }
"""


def lines_with(server: Process, *texts: str) -> list[dict[str, Any]]:
    # The last part is empty, or a line that is still being written.
    return [json.loads(line) for line in server.log_with(*texts).split("\n")[:-1]]


@pytest.mark.parametrize("executor", ["thread", pytest.param("process", marks=pytest.mark.slow)])
def test_a_server_writes_nothing_but_lines_of_json(make_project, start: Callable[..., Process], executor: str) -> None:
    environ = {"KEDRO_SERVER_LOG_FORMAT": "json", "KEDRO_SERVER_EXECUTOR": executor}
    server = start("kedro_asgi", "serve", make_project(NODES), "--workers", "2", **environ)
    headers = {"X-Request-ID": "ticket-1"}
    run_id = httpx.post(f"{server.url}/run", json={}, headers=headers, timeout=60).json()["run_id"]
    answer = httpx.post(f"{server.url}/run", json={"pipeline_names": ["boom"]}, headers={"X-Request-ID": "no\tgood"})
    own = answer.headers["x-request-id"]
    assert len(own) >= 16
    # The requests may have had different workers, whose lines are in no order.
    ends = [f'"request_id":"{request_id}","method":"POST"' for request_id in ("ticket-1", own)]
    lines = lines_with(server, *ends, "careful", " failed: ")
    of_run = [line for line in lines if line["run_id"] == run_id]
    assert {line["request_id"] for line in of_run} == {"ticket-1"}
    told = [line for line in of_run if line["node"] == "tell"]
    assert told[0]["message"] == "odd \\ud800 \u2028 and\nnew line 1"
    assert "wrong" in told[1]["message"] or "do not fit" in told[1]["message"]
    assert told[2]["message"] == "y" * 100_000
    assert (told[3]["message"], told[3]["exception"]["type"]) == ("divided", "ZeroDivisionError")
    (failed,) = [line for line in lines if " failed: " in line["message"]]
    assert failed["exception"]["type"] == "ValueError"
    assert "in boom" in failed["exception"]["stack"]
    assert (failed["request_id"], failed["node"]) == (own, "boom")
    access = [line for line in lines if line["logger"] == "uvicorn.access" and line.get("request_id") == "ticket-1"]
    assert [(line["method"], line["path"], line["route"], line["status"]) for line in access] == [
        ("POST", "/run", "/run", 200)
    ]
    assert access[0]["duration_ms"] > 0
    assert access[0]["client"].startswith("127.0.0.1:")


def test_an_error_of_the_server_is_logged_with_the_id_of_the_request_in_the_answer(tiny: Path) -> None:
    """Starlette answers such an error outside of all middleware, and uvicorn logs it in another context."""
    import anyio

    from kedro_asgi.server import create_http_server

    app = create_http_server(tiny, store="memory:", log_format="json")

    async def fail(request: Any) -> Any:
        raise RuntimeError("broken")

    app.add_route("/broken", fail)

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/broken", headers={"X-Request-ID": "ticket-2"})

    with pytest.raises(RuntimeError) as caught:
        anyio.run(call)
    error = caught.value
    line = line_of(record_of("Exception in ASGI application", exc_info=(type(error), error, error.__traceback__)))
    assert line["request_id"] == "ticket-2"


def test_only_servers_that_ask_for_it_have_ids_of_requests(tiny: Path) -> None:
    import anyio

    from kedro_asgi.server import create_http_server

    async def header_of(app: Any) -> str | None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get("/health")).headers.get("x-request-id")

    assert anyio.run(header_of, create_http_server(tiny, store="memory:")) is None
    assert anyio.run(header_of, create_http_server(tiny, store="memory:", log_format="json"))


def test_a_record_with_an_exception_of_its_own_is_a_line() -> None:
    record = logging.getLogger("node").makeRecord("node", 20, "f", 1, "hi", (), None, extra={"exception": "of a node"})
    assert json.loads(JsonFormatter().format(record))["exception"] == "of a node"
