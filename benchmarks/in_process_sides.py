"""The sides of `bench_in_process`: each makes something that runs a chain once, and measures it."""

import asyncio
import gc
import logging
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from chains import LAST, hamilton_module, plain, registry
from harness import Numbers, median_us
from workers import answer_questions

from projects import write_project

Run = Callable[[], object]
AsyncRun = Callable[[], Awaitable[object]]

_RUNS_A_SAMPLE = 5


def open_side(folder: Path, side: str, length: int) -> Callable[..., Numbers]:
    """Return what measures a side: the median of so many runs, in microseconds."""
    logging.disable(logging.WARNING)
    if make_async := ASYNC_SIDES.get(side):
        return _measuring_async(make_async(folder, length))
    run = SIDES[side](folder, length)
    run()
    gc.collect()
    gc.freeze()
    return lambda repeats: {"run_us": median_us(run, repeats=repeats)}


def _measuring_async(run: AsyncRun) -> Callable[..., Numbers]:
    runner = asyncio.Runner()
    runner.run(_await(run))
    gc.collect()
    gc.freeze()
    return lambda repeats: {"run_us": runner.run(_median_us(run, repeats=repeats))}


async def _await(run: AsyncRun) -> object:
    return await run()


async def _median_us(run: AsyncRun, *, repeats: int) -> float:
    times = []
    for _ in range(max(repeats // _RUNS_A_SAMPLE, 3)):
        started = time.perf_counter()
        for _ in range(_RUNS_A_SAMPLE):
            await run()
        times.append((time.perf_counter() - started) / _RUNS_A_SAMPLE)
    return statistics.median(times) * 1e6


def _service_session(folder: Path, length: int) -> Run:
    from kedro_asgi.session import KedroServiceSession

    project = write_project(folder, engine="kedro_asgi", files=registry("kedro_asgi", length))
    return KedroServiceSession.create(project_path=project, serving_mode=True).run


def _session(folder: Path, length: int) -> Run:
    """A session for each run, as ``KedroSession`` is used."""
    from kedro_asgi.project import bootstrap_project
    from kedro_asgi.session import KedroSession

    project = write_project(folder, engine="kedro_asgi", files=registry("kedro_asgi", length))
    bootstrap_project(project)

    def run() -> object:
        with KedroSession.create(project_path=project) as session:
            return session.run()

    return run


def _kedro_service_session(folder: Path, length: int) -> Run:
    from kedro.framework.session.service_session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    project = write_project(folder, engine="kedro", files=registry("kedro", length))
    bootstrap_project(project)
    logging.disable(logging.WARNING)
    return KedroServiceSession.create(project_path=project, serving_mode=True).run


def _kedro_session(folder: Path, length: int) -> Run:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    project = write_project(folder, engine="kedro", files=registry("kedro", length))
    bootstrap_project(project)
    logging.disable(logging.WARNING)

    def run() -> object:
        with KedroSession.create(project_path=project) as session:
            return session.run()

    return run


def _hamilton(_: Path, length: int) -> Run:
    from hamilton.driver import Builder

    driver = Builder().with_modules(hamilton_module(length, is_async=False)).build()
    return lambda: driver.execute([LAST], inputs={"a": 1})


def _async_session(folder: Path, length: int) -> AsyncRun:
    from kedro_asgi.session import AsyncSession

    project = write_project(folder, engine="kedro_asgi", files=registry("kedro_asgi", length))
    return AsyncSession.create(project).run


def _async_hamilton(_: Path, length: int) -> AsyncRun:
    from hamilton.async_driver import AsyncDriver, Builder

    drivers: list[AsyncDriver] = []

    async def run() -> object:
        if not drivers:
            drivers.append(await Builder().with_modules(hamilton_module(length, is_async=True)).build())
        return await drivers[0].execute([LAST], inputs={"a": 1})

    return run


SIDES: dict[str, Callable[[Path, int], Run]] = {
    "plain calls": lambda _, length: plain(length),
    "kedro-asgi KedroServiceSession": _service_session,
    "kedro-asgi KedroSession": _session,
    "Kedro KedroServiceSession": _kedro_service_session,
    "Kedro KedroSession": _kedro_session,
    "Hamilton Driver": _hamilton,
}
ASYNC_SIDES: dict[str, Callable[[Path, int], AsyncRun]] = {
    "kedro-asgi AsyncSession": _async_session,
    "Hamilton AsyncDriver": _async_hamilton,
}


if __name__ == "__main__":
    answer_questions(open_side)
