"""Servers on loopback, each in processes of its own, and what Linux tells about them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
OURS = "kedro_asgi.server:create_http_server"
KEDRO = "kedro.server.http_server:create_http_server"
# Both servers of a comparison log the same: nothing but warnings, or all that they log as they come.
QUIET = ("--no-access-log", "--log-level", "warning")

_WAIT_SECONDS = 120.0
# Threads by the beginnings of their names. The main thread is the event loop.
_ROLES = {"kedro-asgi-run": "run", "AnyIO worker": "run", "asyncio_": "run", "kedro-asgi-wri": "writer"}


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a server: arguments of ``python -m``, to which the port is added, and its environment.

    ``python`` is that of this benchmark unless the server has an environment of its own.
    """

    name: str
    arguments: Sequence[str]
    environ: dict[str, str] = {}
    cwd: Path = HERE
    python: str = sys.executable

    @contextmanager
    def running(self) -> Iterator["Process"]:
        """Start the server, wait until it listens, and end it afterwards."""
        port = _free_port()
        environ = {**os.environ, "DO_NOT_TRACK": "1", **self.environ}
        paths = [str(HERE), str(HERE / "thread_names"), *filter(None, [environ.get("PYTHONPATH")])]
        environ["PYTHONPATH"] = os.pathsep.join(paths)
        command = [self.python, "-m", *self.arguments, "--port", str(port)]
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
        return _cpu_seconds(self.pid)

    def cpu_seconds_of_all(self) -> float:
        """Return the CPU time of all live processes of the server, with threads that have ended, in hundredths."""
        return sum(map(_cpu_seconds, self._pids()))

    def memory_mib(self) -> float:
        """Return the resident memory of all processes of the server; shared pages count once for each."""
        return sum(_memory_mib(pid, "status", "VmRSS:") for pid in self._pids())

    def shared_memory_mib(self) -> float:
        """Return the memory of all processes of the server; each page counts once, however many of them share it."""
        return sum(_memory_mib(pid, "smaps_rollup", "Pss:") for pid in self._pids())

    def _pids(self) -> list[int]:
        """The server and its worker processes."""
        return _process_tree(self.pid)


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


def _process_tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        # A thread other than the main one may have started some.
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process; NaN where the system does not say so as Linux does."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return float("nan")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _memory_mib(pid: int, file: str, name: str) -> float:
    """Return what Linux tells of the memory of a process in a line of a file; NaN on other systems."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), float("nan"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    descendants = _process_tree(process.pid)[1:]
    process.terminate()
    try:
        process.wait(_WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in descendants:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


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
