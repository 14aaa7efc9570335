"""Servers on loopback, each in processes of its own, and what Linux tells about them."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
OURS = "kedro_asgi.server:create_http_server"
KEDRO = "kedro.server.http_server:create_http_server"
# Both servers of a comparison log the same: nothing but warnings, or all that they log as they come.
QUIET = ("--no-access-log", "--log-level", "warning")

_WAIT_SECONDS = 60.0
# Threads by the beginnings of their names. The main thread is the event loop.
_ROLES = {"kedro-asgi-run": "run", "AnyIO worker": "run", "asyncio_": "run", "kedro-asgi-wri": "writer"}


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a server: arguments of ``python -m``, to which the port is added, and its environment."""

    name: str
    arguments: Sequence[str]
    environ: dict[str, str] = {}
    cwd: Path = HERE

    @contextmanager
    def running(self) -> Iterator["Process"]:
        """Start the server, wait until it listens, and end it afterwards."""
        port = _free_port()
        environ = {**os.environ, "DO_NOT_TRACK": "1", **self.environ}
        paths = [str(HERE), str(HERE / "thread_names"), *filter(None, [environ.get("PYTHONPATH")])]
        environ["PYTHONPATH"] = os.pathsep.join(paths)
        command = [sys.executable, "-m", *self.arguments, "--port", str(port)]
        # Its lines go to a file, as those of a service do: a terminal that reads slowly would delay it.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, env=environ, cwd=self.cwd, stdout=output, stderr=subprocess.STDOUT)
            try:
                _wait_for(port, process, output)
                yield Process(name=self.name, pid=process.pid, port=port)
            finally:
                _end(process)


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A server that listens."""

    name: str
    pid: int
    port: int

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time of the live threads of all processes of the server, by what they do.

        Systems without Linux's ``/proc`` tell none.
        """
        found = {"loop": 0.0, "run": 0.0, "writer": 0.0, "other": 0.0}
        for pid in self._pids():
            for task in Path(f"/proc/{pid}/task").glob("*"):
                try:
                    name = (task / "comm").read_text()
                    seconds = int((task / "schedstat").read_text().split()[0]) / 1e9
                except (OSError, IndexError):
                    continue
                found["loop" if task.name == str(pid) else _role(name)] += seconds
        return found

    def total_cpu_seconds(self) -> float:
        """Return the CPU time of the server's first process, with threads that have ended, in hundredths."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return float("nan")
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Return the resident memory of all processes of the server; shared pages count once for each."""
        return sum(_resident_mib(pid) for pid in self._pids())

    def _pids(self) -> list[int]:
        """The server and its worker processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [self.pid, *map(int, children.read_text().split())] if children.exists() else [self.pid]


def bare(name: str, factory: str = "bare_route:create", *, logs: bool = False, **environ: str) -> Server:
    """A Starlette application of the benchmarks under uvicorn."""
    arguments = ("uvicorn", "--factory", factory, *(() if logs else QUIET))
    return Server(name=name, arguments=arguments, environ=environ)


def ours(name: str, project: Path, **environ: str) -> Server:
    """kedro-asgi under uvicorn, as any ASGI application is served; logs warnings only."""
    return _under_uvicorn(name, OURS, project, environ)


def kedro(name: str, project: Path, **environ: str) -> Server:
    """Kedro's server under uvicorn; logs warnings only, and so does the project."""
    return _under_uvicorn(name, KEDRO, project, environ)


def serve(name: str, project: Path, *options: str, **environ: str) -> Server:
    """``kedro-asgi serve``, as it comes."""
    return Server(name=name, arguments=("kedro_asgi", "serve", str(project), *options), environ=environ)


def kedro_server_start(name: str, project: Path, **environ: str) -> Server:
    """``kedro server start``, as it comes."""
    return Server(name=name, arguments=("kedro", "server", "start"), environ=environ, cwd=project)


@contextmanager
def running_worker(name: str, project: Path, **environ: str) -> Iterator[Process]:
    """Run ``kedro-asgi worker``, which listens on no port, and end it afterwards."""
    command = [sys.executable, "-m", "kedro_asgi", "worker", str(project), "--log-level", "warning"]
    environ = {**os.environ, "DO_NOT_TRACK": "1", "PYTHONPATH": str(HERE / "thread_names"), **environ}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Process(name=name, pid=process.pid, port=0)
    finally:
        _end(process)


def _under_uvicorn(name: str, factory: str, project: Path, environ: dict[str, str]) -> Server:
    logging = str(project / "conf" / "logging.yml")
    return Server(
        name=name,
        arguments=("uvicorn", "--factory", factory, *QUIET),
        environ={"KEDRO_PROJECT_PATH": str(project), "KEDRO_LOGGING_CONFIG": logging, **environ},
    )


def _role(name: str) -> str:
    return next((role for start, role in _ROLES.items() if name.startswith(start)), "other")


def _resident_mib(pid: int) -> float:
    """Return the resident memory of a process; NaN where the system does not say so as Linux does."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), float("nan"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]", output: "tempfile._TemporaryFileWrapper[bytes]") -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.005)
    output.seek(0)
    raise SystemExit(f"no server listens on port {port}:\n{output.read()[-4000:].decode()}")
