import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from kedro_asgi.plan import Planner
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.session import AsyncSession

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


class Counting:
    """Compiles texts of a planner's environment, and counts how often."""

    def __init__(self) -> None:
        self.begun = self.compiled = 0

    def begin(self, planner: Planner) -> str:
        self.begun += 1
        return planner.project.package_name

    def compile(self, source: str) -> str:
        self.compiled += 1
        return f"{source} {self.compiled}"


async def test_many_callers_get_one_value_and_a_reload_drops_it(tiny: Path) -> None:
    async with AsyncSession.create(tiny) as session:
        counting = Counting()
        cache: PlannerCache[str, str, str] = PlannerCache(session, counting.begin, size=2)
        values: list[str] = []

        async def find() -> None:
            values.append((await cache.find("key", counting.compile)).value())

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(find)
        assert (len(set(values)), counting.begun, counting.compiled) == (1, 1, 1)
        assert cache.known("key") == values[0]
        await session.reload()
        assert cache.known("key") is None
        assert (await cache.find("key", counting.compile)).value() != values[0]
        assert counting.begun == 2


async def test_errors_and_values_without_a_key_are_not_kept(tiny: Path) -> None:
    def fail(source: str) -> str:
        raise OSError("gone")

    async with AsyncSession.create(tiny) as session:
        counting = Counting()
        cache: PlannerCache[str, str, str] = PlannerCache(session, counting.begin, size=2)
        assert isinstance((await cache.find("key", fail)).error, OSError)
        one = await cache.find(None, counting.compile)
        assert one.value() != (await cache.find("key", counting.compile)).value()
        assert counting.begun == 1


async def test_one_thread_compiles_at_a_time(tiny: Path) -> None:
    async with AsyncSession.create(tiny) as session:
        planner = (await session.prepare()).engine.planner
        cache: PlannerCache[Planner, int, int] = PlannerCache(session, lambda planner: planner, size=8)
        is_free = threading.Semaphore()

        def compile_alone(planner: Planner, key: int) -> int:
            assert is_free.acquire(blocking=False)
            # Another thread may take its turn here.
            threading.Event().wait(0.001)
            is_free.release()
            return key

        with ThreadPoolExecutor(8) as pool:
            made = pool.map(
                lambda key: cache.compile(planner, key, lambda planner: compile_alone(planner, key)), range(8)
            )
            assert await anyio.to_thread.run_sync(lambda: list(made)) == list(range(8))
