"""Servers in separate processes."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from kedro_asgi.cli.server_process import HASTEN


class Process:
    """A server process on a free port; it can be killed and restarted on the same port."""

    def __init__(
        self, arguments: list[str], *, cwd: Path, environ: Mapping[str, str], serves_http: bool = True
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = (cwd / f"server-{self.port}.log").open("w+")
        self._serves_http = serves_http
        self._command = [sys.executable, "-m", *arguments, *(["--port", str(self.port)] if serves_http else [])]
        self._cwd = cwd
        self._environ = {**clean_environment(), **environ}
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._cwd,
            env=self._environ,
            start_new_session=True,
        )

    def wait_until_ready(self) -> "Process":
        """Wait until the server answers, or until a process without HTTP has told that it executes runs."""
        if not self._serves_http:
            self.log_with(f"Worker [{self.process.pid}] executes runs")
            return self
        for _ in range(4800):
            try:
                if httpx.get(f"{self.url}/health", timeout=60).status_code == 200:
                    return self
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def kill(self) -> None:
        """Kill the process and its workers at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> "Process":
        """Start again on the same port, once the killed workers no longer use it."""
        deadline = time.monotonic() + 120
        while not is_port_free(self.port):
            assert time.monotonic() < deadline, f"a process still listens on port {self.port}"
            time.sleep(0.01)
        self.process = self._start()
        return self.wait_until_ready()

    def log(self) -> str:
        self.output.flush()
        return Path(self.output.name).read_text()

    def log_with(self, *texts: str) -> str:
        """Return the log when it holds these texts, which a thread of the server writes a moment later."""
        deadline = time.monotonic() + 120
        while not all(text in (log := self.log()) for text in texts):
            assert time.monotonic() < deadline, log
            time.sleep(0.01)
        return log

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.output.close()


def until(condition: Callable[[], object], *, seconds: float = 120) -> None:
    """Wait until a condition holds, in a test without an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "that did not become true in time"
        time.sleep(0.02)


def send_two_signals_at_once(supervisor: int, workers: Sequence[int]) -> None:
    """Ask a supervisor twice to end.

    It has both signals before it tells its workers, and they have both of its signals before they handle one.
    """
    for pid in (*workers, supervisor):
        os.kill(pid, signal.SIGSTOP)
    for pid in (*workers, supervisor):
        # One that has yet to stop would first handle a signal that comes meanwhile, since its number is lower.
        until(lambda pid=pid: is_stopped(pid))
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(supervisor, number)
    os.kill(supervisor, signal.SIGCONT)
    for pid in workers:
        until(lambda pid=pid: {signal.SIGTERM, HASTEN} <= waiting_signals(pid))
        os.kill(pid, signal.SIGCONT)


def is_stopped(pid: int) -> bool:
    """Tell whether the main thread of a process is stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def waiting_signals(pid: int) -> set[int]:
    """Return the signals that a process has got and not yet handled."""
    status = Path(f"/proc/{pid}/status").read_text()
    waiting = int(status.partition("ShdPnd:")[2].split()[0], 16)
    return {number for number in range(1, 65) if waiting >> (number - 1) & 1}


def free_port() -> int:
    """Return a port that nothing listens on.

    It lies below the ports that the system gives to connections: one of those could take it before the server does,
    or while the server restarts. Each process of a test run has ports of its own, for the same reason. The choice is
    random, since another test run may choose at the same time.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    step = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = random.SystemRandom()
    while True:
        if is_port_free(port := ports.randrange(10_000 + number % step, 32_000, step)):
            return port


def is_port_free(port: int) -> bool:
    """Whether a server can listen on ``port``."""
    with socket.socket() as probe:
        # As servers do: ignore connections that were closed a moment ago.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def clean_environment() -> dict[str, str]:
    """Return the environment of this process without the variables that servers read."""
    return {key: value for key, value in os.environ.items() if not key.startswith("KEDRO_")}
