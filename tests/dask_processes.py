"""Dask clusters of tests, as processes of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import clean_environment

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
