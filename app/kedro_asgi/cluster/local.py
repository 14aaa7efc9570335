"""A Dask cluster on this machine, for trying: ``python -m kedro_asgi.cluster.local``.

It prints the address of its scheduler, and ends when its standard input does: so it ends with the process that started
it, however that ends.
"""

import asyncio
import sys
import threading
from typing import Any

import click
from distributed import LocalCluster

from kedro_asgi.cores import CORES

_CLOSE_SECONDS = 5.0


@click.command()
@click.option("--workers", default=CORES, show_default=True, type=click.IntRange(1), help="Worker processes.")
def main(workers: int) -> None:
    """Run a scheduler and workers until standard input ends."""
    asyncio.run(_serve(workers))


async def _serve(workers: int) -> None:
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
        print(cluster.scheduler_address, flush=True)
        await _input_ended()


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
