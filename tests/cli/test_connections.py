"""Connections that send too much, too slowly or nothing at all, to a real server."""

import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from serving import Process

Start = Callable[..., Process]

LARGE = "a" * 70_000
SMALL_BODY = '{"outputs":["d"]}'
POST = "POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 17\r\n"


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow)])
def server(tiny: Path, start: Start, request: pytest.FixtureRequest) -> Process:
    return start("kedro_asgi", "serve", tiny, "--workers", request.param, KEDRO_SERVER_MAX_CONNECTIONS="20")


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow)])
def impatient(tiny: Path, start: Start, request: pytest.FixtureRequest) -> Process:
    limits = {"KEDRO_SERVER_HEADER_TIMEOUT_SECONDS": "0.5", "KEDRO_SERVER_BODY_TIMEOUT_SECONDS": "0.5"}
    return start("kedro_asgi", "serve", tiny, "--workers", request.param, **limits)


def answer_to(server: Process, text: str) -> str:
    """Send a text and return everything that the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(text.encode())
        parts = []
        while part := client.recv(65536):
            parts.append(part)
        return b"".join(parts).decode()


def ends_as(server: Process, text: str, status: str) -> str:
    """Send a text until it is answered with a status: the limit of time may end before the text is sent or answered."""
    while True:
        with suppress(ConnectionError):
            if f"HTTP/1.1 {status} " in (answer := answer_to(server, text)):
                return answer


def test_requests_that_never_end_are_ended(impatient: Process) -> None:
    assert answer_to(impatient, "") == ""
    for text in ("GET /health HT", "GET /health HTTP/1.1\r\nHost: x\r\n", f"{POST}\r\n{{"):
        assert ends_as(impatient, text, "408").startswith("HTTP/1.1 408 ")
    # The head of a second request has a limit of time, too.
    both = ends_as(impatient, "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\n", "408")
    assert re.findall(r"HTTP/1\.1 (\d+)", both) == ["200", "408"]


def test_a_head_that_is_too_large_is_refused(server: Process) -> None:
    for head in (f"GET /health?{LARGE} HTTP/1.1\r\n", f"GET /health HTTP/1.1\r\nX: {LARGE}", f"GET /{LARGE}"):
        assert answer_to(server, f"{head}\r\n\r\n").startswith("HTTP/1.1 431 ")
    many = "".join(f"X-{number}: y\r\n" for number in range(20_000))
    assert answer_to(server, f"GET /health HTTP/1.1\r\n{many}\r\n").startswith("HTTP/1.1 431 ")


def test_a_client_that_sends_many_requests_ahead_of_their_answers_is_cut(server: Process) -> None:
    request = "GET /health HTTP/1.1\r\nHost: x\r\n"
    with pytest.raises(OSError):
        answer_to(server, f"{request}\r\n" * 5000)
    fifty = answer_to(server, f"{request}\r\n" * 49 + f"{request}Connection: close\r\n\r\n")
    assert re.findall(r"HTTP/1\.1 (\d+)", fifty) == ["200"] * 50


def test_a_client_that_leaves_before_its_answers_leaves_no_traceback(server: Process) -> None:
    requests = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 90
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # Closing resets the connection.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(requests.encode())
        client.recv(10)
    server.process.terminate()
    assert server.process.wait(120) == 0
    assert "Traceback" not in server.log()


def test_bodies_have_no_part_in_the_limit_of_heads(server: Process) -> None:
    body = {"inputs": {"s": LARGE}, "from_inputs": ["s"], "outputs": ["d"]}
    assert httpx.post(f"{server.url}/run", json=body).json()["outputs"]["d"] == 2 * LARGE
    answer = answer_to(server, f"{POST}Connection: close\r\n\r\n{SMALL_BODY}")
    assert answer.endswith('"outputs":{"d":6}}')


def test_over_the_limit_of_connections_requests_are_refused(tiny: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", tiny, KEDRO_SERVER_MAX_CONNECTIONS="3")
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    assert httpx.get(f"{server.url}/health").status_code == 503
    for client in idle:
        client.close()
    server.wait_until_ready()
