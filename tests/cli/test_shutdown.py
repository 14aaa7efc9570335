"""Real servers that are told to end, whatever their clients and their projects do."""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from kedro_asgi.cli import ending_processes, server_supervisor
from kedro_asgi.dispatch import Policy
from serving import Process, send_two_signals_at_once, until
from systemd_socket import READY, Systemd

Start = Callable[..., Process]

# As long as Docker waits before it kills. Servers and their supervisors end by their own clocks before that.
DOCKER_SECONDS = 10
# What would hold them up here takes minutes, so even on a machine that is ten times slower this tells the difference.
PATIENCE_SECONDS = 100

FACTORY = "kedro_asgi.server:create_http_server"
HANGING = """
import time
from pathlib import Path
Path("{folder}/importing").touch()
time.sleep(600)
"""
LARGE = """
import time
from kedro_asgi.pipeline import Pipeline, node

def register_pipelines():
    return {
        "__default__": Pipeline([node(lambda: "x" * 30_000_000, None, "text")]),
        "sleep": Pipeline([node(time.sleep, "params:seconds", "slept")]),
    }
"""


@contextmanager
def sending(server: Process, request: str) -> Iterator[socket.socket]:
    """Send the text of a request over a connection that then stays open."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(request.replace("\n", "\r\n").encode())
        yield client


def wait_until_it_drains(server: Process) -> None:
    """Wait until a worker answers that it drains; one that ends meanwhile does not answer."""

    def is_draining() -> bool:
        assert server.process.poll() is None, server.log()
        with suppress(httpx.TransportError):
            return httpx.get(f"{server.url}/ready").json() == {"status": "draining"}
        return False

    until(is_draining)


@contextmanager
def with_two_ready_workers(project: Path, folder: Path) -> Iterator[Process]:
    """Serve; each of the workers tells that it is ready, since an answer to a request would be that of either."""
    with closing(Systemd()) as systemd:
        line = ["kedro_asgi", "serve", str(project), "--workers", "2"]
        with closing(Process(line, cwd=folder, environ=systemd.environ)) as server:
            for _ in range(2):
                systemd.receive_until(READY)
            until(lambda: server.log().count("Application startup complete") == 2)
            yield server


def submit_and_wait_for_start(server: Process, pipeline: str) -> str:
    """Submit a run, and return its id when it is running."""
    run_id: str = httpx.post(f"{server.url}/runs", json={"pipeline_names": [pipeline]}).json()["run_id"]
    until(lambda: httpx.get(f"{server.url}/runs/{run_id}").json()["status"] == "running")
    return run_id


@contextmanager
def not_reading(server: Process, request: str) -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(request.replace("\n", "\r\n").encode())
        client.settimeout(60)
        client.recv(50)
        yield client


HALF_A_BODY = "POST /run HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: 99\n\n{"
FOLLOW = "GET /events HTTP/1.1\nHost: x\n\n"
RUN = 'POST /run HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: 20\n\n{"outputs":["text"]}'


def end(server: Process, number: int = signal.SIGTERM) -> int:
    server.process.send_signal(number)
    return server.process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_server_ends_whatever_clients_do(make_project, start: Start, workers: int) -> None:
    project = make_project(LARGE, parameters="seconds: 600\n")
    server = start("kedro_asgi", "serve", project, "--workers", workers, KEDRO_SERVER_GRACE_SECONDS="0.2")
    submit_and_wait_for_start(server, "sleep")
    with sending(server, HALF_A_BODY), not_reading(server, FOLLOW), not_reading(server, RUN), sending(server, "GET /"):
        assert end(server) == 0
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("is_running", [pytest.param(False, marks=pytest.mark.slow), True])
def test_under_plain_uvicorn_followers_do_not_hold_up_the_end(
    make_project, tmp_path: Path, start: Start, is_running: bool
) -> None:
    project = make_project(LARGE, parameters="seconds: 600\n")
    environ = {"KEDRO_PROJECT_PATH": str(project), "KEDRO_SERVER_GRACE_SECONDS": "0.2"}
    server = start("uvicorn", "--factory", FACTORY, **environ)
    if is_running:
        submit_and_wait_for_start(server, "sleep")
    with httpx.stream("GET", f"{server.url}/events") as stream, sending(server, HALF_A_BODY):
        lines = stream.iter_lines()
        next(lines)
        assert end(server) == -signal.SIGTERM
        # The answer ends as it should: its connection was not cut.
        assert all(line for line in lines if line.strip())


@pytest.mark.parametrize("options", [(), pytest.param(("--http", "h11", "--loop", "asyncio"), marks=pytest.mark.slow)])
def test_under_plain_uvicorn_clients_that_do_not_read_do_not_hold_up_the_end(
    make_project, start: Start, options: tuple[str, ...]
) -> None:
    project = make_project(LARGE, parameters="seconds: 600\n")
    environ = {"KEDRO_PROJECT_PATH": str(project), "KEDRO_SERVER_GRACE_SECONDS": "0.2"}
    server = start("uvicorn", "--factory", FACTORY, *options, **environ)
    many = "GET /openapi.json HTTP/1.1\nHost: x\n\n" * 90
    with not_reading(server, RUN), not_reading(server, FOLLOW), sending(server, HALF_A_BODY):
        with not_reading(server, many):
            assert end(server) == -signal.SIGTERM
    assert "Traceback" not in server.log()


def does_answer(server: Process) -> bool:
    assert server.process.poll() is None, server.log()
    with suppress(httpx.TransportError):
        httpx.get(server.url)
        return True
    return False


MOUNTED = """
from starlette.applications import Starlette
from starlette.routing import Mount
from kedro_asgi.server import create_http_server

app = Starlette(routes=[Mount(path, create_http_server("{project}", store="memory:")) for path in ("/one", "/two")])
"""


@pytest.mark.slow
def test_under_plain_uvicorn_clients_of_mounted_applications_do_not_hold_up_the_end(
    make_project, tmp_path: Path
) -> None:
    project = make_project(LARGE, parameters="seconds: 600\n")
    (tmp_path / "mounting.py").write_text(MOUNTED.replace("{project}", str(project)))
    server = Process(["uvicorn", "mounting:app"], cwd=tmp_path, environ={"KEDRO_SERVER_GRACE_SECONDS": "0.2"})
    with closing(server):
        until(lambda: does_answer(server))
        with httpx.stream("GET", f"{server.url}/one/events") as one:
            with httpx.stream("GET", f"{server.url}/two/events") as two:
                for stream in (one, two):
                    next(stream.iter_lines())
                with not_reading(server, RUN.replace(" /", " /two/")):
                    assert end(server) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("module", "workers", "number"),
    [
        ("settings", 1, signal.SIGTERM),
        pytest.param("pipeline_registry", 1, signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("pipeline_registry", 1, signal.SIGTERM, marks=pytest.mark.slow),
        ("pipeline_registry", 2, signal.SIGTERM),
    ],
)
def test_a_server_whose_project_hangs_when_it_is_imported_ends(
    make_project, tmp_path: Path, module: str, workers: int, number: int
) -> None:
    hanging = HANGING.replace("{folder}", str(tmp_path))
    project = make_project(files={f"src/{{package}}/{module}.py": hanging})
    server = Process(["kedro_asgi", "serve", str(project), "--workers", str(workers)], cwd=tmp_path, environ={})
    with closing(server):
        until((tmp_path / "importing").exists)
        assert end(server, number) == 0


def test_under_plain_uvicorn_a_project_that_hangs_when_it_is_imported_holds_up_nothing(
    make_project, tmp_path: Path
) -> None:
    project = make_project(settings=HANGING.replace("{folder}", str(tmp_path)))
    environ = {"KEDRO_PROJECT_PATH": str(project)}
    with closing(Process(["uvicorn", "--factory", FACTORY], cwd=tmp_path, environ=environ)) as server:
        until((tmp_path / "importing").exists)
        assert end(server) == -signal.SIGTERM


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_second_signal_ends_the_grace(make_project, start: Start, workers: int) -> None:
    project = make_project(LARGE, parameters="seconds: 600\n")
    server = start("kedro_asgi", "serve", project, "--workers", workers, KEDRO_SERVER_GRACE_SECONDS="300")
    submit_and_wait_for_start(server, "sleep")
    server.process.send_signal(signal.SIGTERM)
    wait_until_it_drains(server)
    assert end(server) == 0


@pytest.mark.slow
def test_two_signals_at_once_end_the_grace_of_all_workers(make_project, start: Start) -> None:
    project = make_project(LARGE, parameters="seconds: 600\n")
    server = start("kedro_asgi", "serve", project, "--workers", 2, KEDRO_SERVER_GRACE_SECONDS="300")
    until(lambda: server.log().count("Application startup complete") == 2)
    workers = [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.log())]
    submit_and_wait_for_start(server, "sleep")
    send_two_signals_at_once(server.process.pid, workers)
    assert server.process.wait(PATIENCE_SECONDS) == 0


def test_a_signal_ends_a_supervisor_whatever_lock_the_interrupted_code_holds() -> None:
    flag = server_supervisor._ExitFlag()
    # As a signal handler runs within `wait` or `set` of the same thread.
    with flag._cond:
        flag.set()
    assert flag.wait()
    flag.clear()
    assert not flag.wait(0.01)


@pytest.fixture
def hang_ups() -> Iterator[None]:
    """Let processes of the test know that their terminal closes, also if `nohup` runs the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.usefixtures("hang_ups")
def test_a_terminal_that_closes_leaves_runs_their_grace(work: Path, tmp_path: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_GRACE_SECONDS="60")
    run_id = submit_and_wait_for_start(server, "held")
    server.process.send_signal(signal.SIGHUP)
    wait_until_it_drains(server)
    (tmp_path / "opened").touch()
    assert server.process.wait(PATIENCE_SECONDS) == 0
    server.restart()
    assert httpx.get(f"{server.url}/runs/{run_id}").json()["status"] == "success"


@pytest.mark.slow
def test_a_worker_that_does_not_react_to_signals_ends_before_patience_does(tiny: Path, start: Start) -> None:
    server = start("kedro_asgi", "serve", tiny, "--workers", "2", KEDRO_SERVER_GRACE_SECONDS="0.2")
    workers = re.findall(r"Started server process \[(\d+)\]", server.log_with("Started server process ["))
    os.kill(int(workers[-1]), signal.SIGSTOP)
    assert end(server) == 0
    assert ending_processes.patience_seconds(Policy().grace_seconds) < DOCKER_SECONDS


def test_workers_end_when_their_supervisor_is_killed(tiny: Path, start: Start) -> None:
    """Else they would keep the port, and the server could not start again."""
    server = start("kedro_asgi", "serve", tiny, "--workers", "2")
    server.process.kill()
    server.process.wait()
    assert server.restart().log_with("since its supervisor has gone")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_leaves_runs_their_grace(
    work: Path, tmp_path: Path, start: Start, number: int
) -> None:
    """A terminal sends SIGINT to the supervisor and to the workers; systemd sends SIGTERM, unless told otherwise."""
    server = start("kedro_asgi", "serve", work, "--workers", "2", KEDRO_SERVER_GRACE_SECONDS="60")
    # A worker that still starts would end at once.
    until(lambda: server.log().count("Application startup complete") == 2)
    run_id = submit_and_wait_for_start(server, "held")
    os.killpg(server.process.pid, number)
    wait_until_it_drains(server)
    (tmp_path / "opened").touch()
    assert server.process.wait(PATIENCE_SECONDS) == 0
    server.restart()
    assert httpx.get(f"{server.url}/runs/{run_id}").json()["status"] == "success"


@pytest.mark.slow
def test_no_request_is_refused_while_workers_are_replaced(tiny: Path, tmp_path: Path) -> None:
    answers = []
    with with_two_ready_workers(tiny, tmp_path) as server, httpx.Client(base_url=server.url) as kept_alive:
        server.process.send_signal(signal.SIGHUP)
        while server.log().count("Finished server process") < 2:
            assert "the restart ends here" not in server.log(), server.log()
            answers += [httpx.post(f"{server.url}/run", json={}), kept_alive.post("/runs", json={})]
            answers.append(httpx.get(f"{server.url}/ready"))
        assert {answer.status_code for answer in answers} == {200, 202}
        assert server.log().count("Started server process") == 4
        assert end(server) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tool.kedro\n", r"Failed to parse 'pyproject.toml' file\. .* \(at line \d+, column \d+\)"),
        (
            '[tool.kedro-asgi.notify.x]\nurl_env = "NOPE"\nsecret_env = "NO"\n',
            r"notify\.x' .* 'NOPE', which is not set",
        ),
    ],
)
def test_workers_go_on_while_a_broken_project_lets_no_other_start(
    tiny: Path, tmp_path: Path, text: str, problem: str
) -> None:
    with with_two_ready_workers(tiny, tmp_path) as server:
        workers = re.findall(r"Started server process \[(\d+)\]", server.log())
        file = tiny / "pyproject.toml"
        former = file.read_text()
        file.write_text(f"{former}\n{text}")
        server.process.send_signal(signal.SIGHUP)
        log = server.log_with("failed to start; the restart ends here")
        assert re.search(problem, log)
        os.kill(int(workers[0]), signal.SIGKILL)
        log = server.log_with("failed to start; the other workers go on")
        assert "Traceback" not in log
        assert httpx.post(f"{server.url}/run", json={}).json()["status"] == "success"
        file.write_text(former)
        until(lambda: server.log().count("Application startup complete") >= 3)
        assert end(server) == 0
