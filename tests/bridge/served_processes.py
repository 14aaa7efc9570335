"""A project served by Kedro's own server or by ours, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from serving import free_port

KEDRO = "kedro.server.http_server:create_http_server"
OURS = "kedro_asgi.server:create_http_server"


@contextmanager
def served(factory: str, project: Path, **environ: str) -> Iterator[httpx.Client]:
    """Serve ``project`` with uvicorn on loopback, and yield a client once it listens; the project holds its log."""
    port = free_port()
    line = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port), "--log-level", "warning"]
    with (project / "server.log").open("w") as log:
        process = subprocess.Popen(
            line,
            cwd=project,
            env={**os.environ, **environ, "DO_NOT_TRACK": "1", "KEDRO_PROJECT_PATH": str(project)},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(port, process, project / "server.log")
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=240) as client:
                yield client
        finally:
            process.terminate()
            process.wait(120)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(4800):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}: {log.read_text()}")
