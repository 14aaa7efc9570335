"""A Dask cluster on this machine, for trying: ``python -m kedro_asgi.cluster.local``.

It writes the address of its scheduler to a file. It ends when its standard input does: so it ends with the process that
started it, however that ends.
"""

import asyncio
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from distributed import LocalCluster

from kedro_asgi.atomic_file import write_atomically
from kedro_asgi.cores import CORES

_CLOSE_SECONDS = 2.0


@click.command()
@click.option("--workers", default=CORES, show_default=True, type=click.IntRange(1), help="Worker processes.")
@click.option("--address-file", required=True, type=click.Path(path_type=Path), help="Gets the scheduler's address.")
def main(workers: int, address_file: Path) -> None:
    """Run a scheduler and workers until standard input ends."""
    asyncio.run(_serve(workers, address_file))


async def _serve(workers: int, address_file: Path) -> None:
    make_cluster: Any = LocalCluster
    cluster = make_cluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
        preload=["kedro_asgi.cluster"],
        preload_argv=[],
        asynchronous=True,
    )
    async with cluster:
        write_atomically(address_file, cluster.scheduler_address.encode())
        await _input_ended()
        with suppress(TimeoutError):
            await asyncio.wait_for(cluster.close(), _CLOSE_SECONDS)
        # A node that holds the GIL keeps its worker from ending, and Dask is patient.
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)


async def _input_ended() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wait() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    # A daemon: the process may end for other reasons.
    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    main()
