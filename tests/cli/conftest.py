"""The command as a user calls it: a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Return a function that runs ``kedro-asgi`` to its end."""

    def run(*arguments: object, cwd: Path = tmp_path) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "kedro_asgi", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=cwd, env=_environment())

    return run


class Process:
    """A serving process on a port of its own."""

    def __init__(self, arguments: list[str], *, cwd: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = (cwd / f"server-{self.port}.log").open("w+")
        line = [sys.executable, "-m", *arguments, "--port", str(self.port)]
        self.process = subprocess.Popen(
            line, stdout=self.output, stderr=subprocess.STDOUT, text=True, cwd=cwd, env=_environment()
        )

    def wait_until_ready(self) -> "Process":
        for _ in range(300):
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return self
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(f"the server did not come up:\n{self.log()}")

    def log(self) -> str:
        self.output.flush()
        self.output.seek(0)
        return self.output.read()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Return a function that starts a module with arguments, such as ``kedro_asgi serve``, and waits for it."""
    started: list[Process] = []

    def begin(*arguments: object) -> Process:
        started.append(Process([str(argument) for argument in arguments], cwd=tmp_path))
        return started[-1].wait_until_ready()

    yield begin
    for process in started:
        process.process.kill()
        process.process.wait()
        process.output.close()


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("KEDRO_")}
