"""Dask clusters of tests, as processes of their own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from serving import clean_environment, free_port

# A scheduler and a worker with two threads, until standard input ends.
_ONE_PROCESS = """
import asyncio, sys
from distributed import Scheduler, Worker

async def serve():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address=None) as scheduler:
        options = {"preload": ["kedro_asgi.cluster"], "preload_argv": ["--project-path", sys.argv[1]]}
        async with Worker(scheduler.address, nthreads=2, dashboard_address=None, **options):
            print(scheduler.address, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(serve())
"""


@contextmanager
def one_process_cluster(project: Path) -> Iterator[str]:
    """Run the cheapest cluster that opens a project; yields the address of its scheduler."""
    command = [sys.executable, "-c", _ONE_PROCESS, str(project)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment()
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


class DaskProcesses:
    """A scheduler and workers, each a process that can be killed and started again; all end with the block.

    ``environ`` are variables that they get beside those of this process.
    """

    def __init__(self, project: Path, folder: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self._project = project
        self._folder = folder
        self._environ = {**clean_environment(), **(environ or {})}
        # Not one that the system gives to connections: it could be taken while the scheduler is gone.
        self._port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.scheduler = ""

    def __enter__(self) -> Self:
        self.start_scheduler()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._processes):
            self.kill(name)

    def start_scheduler(self) -> None:
        """Start the scheduler; again on the same port, if it was killed."""
        file = self._folder / "scheduler.json"
        file.unlink(missing_ok=True)
        options = ["--host", "127.0.0.1", "--port", str(self._port), "--scheduler-file", str(file)]
        self._start("scheduler", "dask_scheduler", *options, "--no-dashboard")
        deadline = time.monotonic() + 120
        while not (file.exists() and file.read_text().endswith("}")):
            assert time.monotonic() < deadline, self.log("scheduler")
            time.sleep(0.02)
        self.scheduler = json.loads(file.read_text())["address"]

    def start_worker(self, name: str, *options: str, project: Path | None = None, preload: bool = True) -> None:
        """Start a worker with one thread; it has opened the project before the scheduler knows it."""
        opened = ["--preload", "kedro_asgi.cluster", "--project-path", str(project or self._project)] if preload else []
        common = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
        self._start(name, "dask_worker", self.scheduler, *common, *options, *opened)

    def kill(self, name: str) -> None:
        """Kill a process at once."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def pid(self, name: str) -> int:
        """Return the id of a process."""
        return self._processes[name].pid

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        self._processes[name].send_signal(number)

    def wait_for_end(self, name: str) -> int:
        """Wait until a process has ended by itself, and return its exit code; its log is the reason of a failure."""
        try:
            return self._processes[name].wait(120)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(self.log(name)) from error

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self._folder / f"{name}.log").read_text()

    def _start(self, name: str, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        with (self._folder / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=self._environ, cwd=self._folder
            )
