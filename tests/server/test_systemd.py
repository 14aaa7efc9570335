"""A service tells systemd, by a real socket, when it is ready, that it lives and that it ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from kedro_asgi.server import create_http_server
from kedro_asgi.server.systemd import ServiceManager
from serving import Process
from systemd_socket import READY, STOPPING, Systemd


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
    manager.reset_watchdog()
    manager.reset_watchdog()
    manager.opened()
    assert [systemd.receive(), systemd.receive()] == [["WATCHDOG=1"], READY]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "-1"}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid() + 1)}],
)
def test_a_process_without_a_watchdog_of_its_own_resets_none(systemd: Systemd, watchdog: dict[str, str]) -> None:
    manager = ServiceManager.of_environment({**systemd.environ, **watchdog})
    manager.reset_watchdog()
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
def test_a_service_is_ready_lives_and_ends(tiny: Path, systemd: Systemd, tmp_path: Path, workers: int) -> None:
    line = ["kedro_asgi", "serve", str(tiny), "--workers", str(workers)]
    server = Process(line, cwd=tmp_path, environ={"WATCHDOG_USEC": "1000000", **systemd.environ})
    with closing(server):
        systemd.receive_until(READY)
        systemd.receive_until(["WATCHDOG=1"])
        systemd.receive_until(["WATCHDOG=1"])
        server.process.terminate()
        systemd.receive_until(STOPPING)
        assert server.process.wait(60) == 0
