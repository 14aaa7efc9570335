"""A service tells systemd, by a real socket, when it is ready, that it lives and that it ends."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from kedro_asgi.server import create_http_server
from kedro_asgi.server.systemd import ServiceManager
from serving import Process

READY, STOPPING = ["READY=1", "STATUS=Serving."], ["STOPPING=1", "STATUS=Ends; runs have their grace."]


class Systemd:
    """Receives what services send to the socket that ``environ`` names."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Linux chooses a name that no file has.
        self._socket.bind("")
        self._socket.settimeout(30)
        self.environ = {"NOTIFY_SOCKET": "@" + self._socket.getsockname()[1:].decode()}

    def receive(self) -> list[str]:
        """Return the lines of the next message."""
        return self._socket.recv(4096).decode().splitlines()

    def receive_until(self, wanted: list[str]) -> None:
        while self.receive() != wanted:
            pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    manager = Systemd()
    yield manager
    manager.close()


def test_a_message_names_the_state(systemd: Systemd) -> None:
    manager = ServiceManager.of_environment(systemd.environ)
    manager.opened()
    assert systemd.receive() == READY
    manager.failed("First line.\nREADY=1 \udc80" + "x" * 300)
    [status] = systemd.receive()
    assert status.startswith("STATUS=First line. READY=1 \\udc80x")
    manager.stopping()
    assert systemd.receive() == STOPPING


def test_the_watchdog_is_reset_twice_in_its_time(systemd: Systemd) -> None:
    manager = ServiceManager.of_environment({**systemd.environ, "WATCHDOG_USEC": "60000000"})
    manager.show_life()
    manager.show_life()
    manager.opened()
    assert [systemd.receive(), systemd.receive()] == [["WATCHDOG=1"], READY]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "-1"}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid() + 1)}],
)
def test_a_process_without_a_watchdog_of_its_own_resets_none(systemd: Systemd, watchdog: dict[str, str]) -> None:
    manager = ServiceManager.of_environment({**systemd.environ, **watchdog})
    manager.show_life()
    manager.opened()
    assert systemd.receive() == READY


def test_a_socket_that_is_gone_or_full_stops_nothing(systemd: Systemd) -> None:
    ServiceManager("/no/such/socket").opened()
    ServiceManager("x" * 200).opened()
    manager = ServiceManager.of_environment(systemd.environ)
    for _ in range(2000):
        manager.opened()
    systemd.close()
    manager.stopping()


async def serve_until_told(project: Path, systemd: Systemd, *, owns_process: bool) -> list[str]:
    app = create_http_server(project, store="memory:", drain_on_signals=owns_process)
    async with app.router.lifespan_context(app):
        return await anyio.to_thread.run_sync(systemd.receive)


def test_a_server_is_ready_when_its_project_is_open(
    tiny: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.environ["NOTIFY_SOCKET"])
    assert anyio.run(lambda: serve_until_told(tiny, systemd, owns_process=True)) == READY


def test_a_server_whose_project_cannot_be_opened_says_why(
    make_project: Callable[..., Path], systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.environ["NOTIFY_SOCKET"])
    project = make_project("def register_pipelines():\n    raise ValueError('no pipelines today')\n")
    [status] = anyio.run(lambda: serve_until_told(project, systemd, owns_process=True))
    assert "no pipelines today" in status


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_is_ready_lives_and_ends(
    tiny: Path, systemd: Systemd, start: Callable[..., Process], workers: int
) -> None:
    server = start("kedro_asgi", "serve", tiny, "--workers", workers, WATCHDOG_USEC="1000000", **systemd.environ)
    systemd.receive_until(READY)
    systemd.receive_until(["WATCHDOG=1"])
    systemd.receive_until(["WATCHDOG=1"])
    server.process.terminate()
    systemd.receive_until(STOPPING)
    assert server.process.wait(30) == 0
