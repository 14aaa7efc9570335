"""A Dask cluster on this machine, and what executes an empty run or a bare task on it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from pathlib import Path

import anyio
import msgspec
from distributed import Client
from harness import Numbers
from postgres_server import process_cpu_seconds

from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Policy
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession

_ORDER = RunOrder(spec=RunSpec(runtime_params={"a": 10}))
_MOST_CALLERS = 32

Call = Callable[[], Awaitable[object]]


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduler and the process that started its workers."""

    address: str
    scheduler: int
    workers: int

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the CPU time of the scheduler, and that of the workers."""
        return process_cpu_seconds(self.scheduler), sum(map(process_cpu_seconds, _with_descendants(self.workers)))


@contextmanager
def running_cluster(project: Path) -> Iterator[Cluster]:
    """Start a scheduler and two workers that open a project, and end them afterwards."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "scheduler.json"
        scheduler = stack.enter_context(_dask("scheduler", "--port", "0", scheduler_file=file))
        address = _address_in(file, scheduler)
        environ = {"KEDRO_PROJECT_PATH": str(project)}
        options = ("--nworkers", "2", "--nthreads", "1", "--preload", "kedro_asgi.cluster")
        workers = stack.enter_context(_dask("worker", *options, scheduler_file=file, **environ))
        yield Cluster(address=address, scheduler=scheduler.pid, workers=workers.pid)


@contextmanager
def _dask(command: str, *options: str, scheduler_file: Path, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
    line = [sys.executable, "-W", "ignore", "-m", "dask", command, "--no-dashboard", "--host", "127.0.0.1", *options]
    process = subprocess.Popen(
        [*line, "--scheduler-file", str(scheduler_file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _address_in(file: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the scheduler has written its file, and return its address."""
    while process.poll() is None:
        # The file may be there, and not yet whole.
        with suppress(OSError, ValueError):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.02)
    raise SystemExit(f"the scheduler ended with code {process.returncode}")


async def submitting(stack: AsyncExitStack, cluster: Cluster) -> Call:
    """Return what submits a task that does nothing, and waits for it."""
    client = await stack.enter_async_context(Client(cluster.address, asynchronous=True))
    await client.wait_for_workers(2)

    async def call() -> object:
        # A builtin: the scheduler imports the function, and does not know the modules of the benchmarks.
        return await client.submit(int, pure=False)

    return call


async def executing(stack: AsyncExitStack, project: Path, cluster: Cluster | None) -> Call:
    """Return what executes a run on a cluster, or in threads without one, and waits for its end."""
    dask = ExecutorChoice() if cluster is None else _on(cluster)
    session = AsyncSession.create(project_path=project)
    runs = Dispatcher(session, policy=Policy(max_concurrent_runs=_MOST_CALLERS), executor=dask)
    await stack.enter_async_context(runs)

    async def call() -> object:
        ended = await runs.run(_ORDER)
        if ended.record.status != "success":
            raise SystemExit(f"A run ended as {ended.record.status}: {ended.record.error}")
        return ended

    return call


def _on(cluster: Cluster) -> ExecutorChoice:
    return ExecutorChoice(default="dask", dask=DaskOptions(scheduler=cluster.address))


async def call_in_turn(cluster: Cluster, call: Call, callers: int, times: int) -> Numbers:
    """Have so many callers call in turn; return throughput, latencies and the CPU time of the cluster."""
    seconds: list[float] = []
    left = iter(range(times))

    async def call_again_and_again() -> None:
        for _ in left:
            begun = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - begun)

    scheduler, workers = cluster.cpu_seconds()
    own, begun = time.process_time(), time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(callers):
            tasks.start_soon(call_again_and_again)
    elapsed, own = time.perf_counter() - begun, time.process_time() - own
    scheduler_then, workers_then = cluster.cpu_seconds()
    ranked = sorted(seconds)
    return {
        "per_second": times / elapsed,
        "p50_ms": ranked[len(ranked) // 2] * 1000,
        "p99_ms": ranked[int(len(ranked) * 0.99)] * 1000,
        "client_us": own / times * 1e6,
        "scheduler_us": (scheduler_then - scheduler) / times * 1e6,
        "worker_us": (workers_then - workers) / times * 1e6,
    }


def _with_descendants(pid: int) -> list[int]:
    lists = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(below for found in lists for child in found for below in _with_descendants(int(child)))]
