"""The server of the soak: started, killed and started again on one port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from kedro_asgi.server.access.tokens import token_line
from serving import clean_environment, free_port, is_port_free
from soak.processes import Role, marked_processes, tree_of
from soak.webhooks import SECRET, SECRET_VARIABLE

PATIENCE_SECONDS = 300.0
WORKERS = 2


class SoakedServer:
    """``kedro-asgi serve`` with two workers, in a process group of its own, with its own folder for temporary files."""

    def __init__(self, project: Path, *, store: str, mark: str, token: str | None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.mark = mark
        self.log = project.parent / "server.log"
        self.temporary = project.parent / "tmp"
        self.temporary.mkdir()
        arguments = ["serve", str(project), "--port", str(self.port), "--workers", str(WORKERS)]
        self._command = [sys.executable, "-m", "kedro_asgi", *arguments, "--store", store, "--no-access-log"]
        self._environ = {**clean_environment(), **_settings(token), "SOAK": mark, "TMPDIR": str(self.temporary)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the supervisor."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server, and wait until it is ready."""
        self.spawn()
        self.wait_until_ready()

    def spawn(self) -> None:
        """Start as soon as the port is free."""
        wait_until(self._is_port_free, what=f"port {self.port} is free")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=subprocess.STDOUT, env=self._environ, start_new_session=True
            )

    def wait_until_ready(self) -> None:
        """Wait until ``GET /ready`` answers 200."""
        wait_until(self._is_ready, what="the server is ready")

    def pids(self, role: Role) -> list[int]:
        """Return the processes of that role, in the order in which they were started."""
        return sorted(pid for pid, found in tree_of(self.pid).items() if found == role)

    def send(self, number: int) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill all processes at once, as a power cut would."""
        # One that lives a moment longer may start another meanwhile.
        while pids := list(marked_processes(f"SOAK={self.mark}")):
            for pid in pids:
                _kill(pid)
        self.wait()

    def kill_supervisor(self) -> None:
        """Kill the supervisor alone."""
        self.send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        """End the server by SIGTERM, and return its exit code."""
        self.send(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait until the supervisor has ended, and return its exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE_SECONDS)

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"The server has ended:\n{self.log.read_text()[-4000:]}")
        try:
            return httpx.get(f"{self.url}/ready", timeout=60).status_code == 200
        except httpx.HTTPError:
            return False

    def _is_port_free(self) -> bool:
        return is_port_free(self.port)


def wait_until(is_true: Callable[[], bool], *, what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a state; raises `TimeoutError` that says which."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {seconds:g} seconds: {what}.")
        time.sleep(0.05)


def _settings(token: str | None) -> dict[str, str]:
    return {
        **({} if token is None else {"KEDRO_SERVER_TOKENS": token_line("soak", token, ["admin"])}),
        SECRET_VARIABLE: SECRET,
        "NO_PROXY": "127.0.0.1",
        "KEDRO_SERVER_GRACE_SECONDS": "2",
        "KEDRO_SERVER_MAX_CONCURRENT_RUNS": "4",
        "KEDRO_SERVER_MAX_QUEUED_RUNS": "8",
        "KEDRO_SERVER_KEEP_RUNS": "10000000",
        "KEDRO_SERVER_BODY_TIMEOUT_SECONDS": "5",
        # As docs/deploying/sizing.md says: what is free in many arenas, or after many large values, looks like a leak.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(2**20),
        "MALLOC_TRIM_THRESHOLD_": str(2**23),
    }


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
