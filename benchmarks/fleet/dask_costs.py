"""Measures what an empty task costs a cluster of Dask: scheduler and worker are processes, and this one the client."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from postgres_server import process_cpu_seconds

from fleet.costs import DaskCosts


def nothing(number: int) -> int:
    """Do nothing."""
    return number


def measure_dask(*, tasks: int) -> DaskCosts:
    """Return the costs of a task."""
    from distributed import Client

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        scheduler = stack.enter_context(_running("scheduler", "--port", "0", "--scheduler-file", str(file)))
        worker = stack.enter_context(
            _running("worker", "--no-nanny", "--nthreads", "4", "--no-dashboard", "--scheduler-file", str(file))
        )
        while not file.exists():
            time.sleep(0.05)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(1)
            client.gather(client.map(nothing, range(100), pure=False))
            before = [*map(process_cpu_seconds, (scheduler, worker)), time.process_time()]
            for number in range(tasks):
                client.submit(nothing, number, pure=False).result()
            after = [*map(process_cpu_seconds, (scheduler, worker)), time.process_time()]
    scheduler_us, worker_us, client_us = ((now - then) / tasks * 1e6 for now, then in zip(after, before, strict=True))
    return DaskCosts(client_us=client_us, scheduler_us=scheduler_us, worker_us=worker_us)


@contextmanager
def _running(*arguments: str) -> Iterator[int]:
    """Run a command of Dask on loopback; yield its process id."""
    command = [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)
