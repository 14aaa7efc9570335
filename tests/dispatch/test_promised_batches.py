"""Promised runs that are executed as one: each has its start and its end on disk, and its own outputs."""

import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from batching_service import OPTIONS, Row, Service, open_service, promise, rows

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.stores.base import RunWrite, WriteResult
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.events import RunBatched, RunStarted
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk, ChunkStream
from kedro_asgi.runs import RunRecord
from kedro_asgi.session import AsyncSession
from predicting import write_predicting_project

pytestmark = pytest.mark.anyio

Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_predicting_project(tmp_path)


@pytest.fixture
def serve(project: Path) -> Serve:
    return partial(open_service, project, proven=True)


@asynccontextmanager
async def waiting(service: Service, pipeline: str, *requests: Sequence[Row]) -> AsyncIterator[list[str]]:
    """Promise runs that wait for one of their kind until the end of this block, so they are one batch."""
    await service.promise(pipeline, rows("gate"))
    await service.until(lambda gauges: gauges["runs_running"] == 1)
    yield [await service.promise(pipeline, given) for given in requests]
    service.open("gate")


class UnreadStream(ChunkStream):
    """A stream of chunks; the pipelines of these tests have none."""

    def _give(self, chunk: Chunk) -> None:
        raise AssertionError(chunk)

    def release(self) -> None:
        """Nothing waits."""


async def ended(service: Service, run_ids: Sequence[str]) -> list[RunRecord]:
    with anyio.fail_after(60):
        return [await service.runs.wait(run_id) for run_id in run_ids]


async def kept_keys(service: Service, run_id: str) -> list[str]:
    return [row["key"] for row in await service.kept(run_id)]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("store", ["memory:", "runs.db"])
async def test_promised_runs_that_wait_are_executed_as_one(serve: Serve, store: str, tmp_path: Path) -> None:
    async with serve(store=store if store == "memory:" else str(tmp_path / store)) as service:
        async with waiting(service, "predict", rows("a"), rows("b", "c"), rows("d")) as run_ids:
            pass
        assert [record.status for record in await ended(service, run_ids)] == ["success"] * 3
        assert [await kept_keys(service, run_id) for run_id in run_ids] == [["a"], ["b", "c"], ["d"]]
        assert service.calls == [1, 4]
        for run_id in run_ids:
            events = [published.event async for published in service.runs.follow(run_id)]
            kinds = [type(event) for event in events]
            assert kinds.index(RunStarted) < kinds.index(RunBatched)
        gauges = service.runs.gauges()
        assert [gauges[name] for name in ("runs_running", "runs_queued", "runs_queued_bytes")] == [0, 0, 0]


async def test_runs_without_a_promise_do_not_wait_for_the_disk_with_others(serve: Serve) -> None:
    async with serve() as service:
        async with waiting(service, "predict", rows("a"), rows("b")) as run_ids:
            assert (await service.run("predict", rows("c"))).record.status == "success"
        await ended(service, run_ids)
        assert service.calls == [1, 1, 2]


async def test_a_promised_run_alone_does_not_wait(serve: Serve) -> None:
    async with serve() as service:
        for number in range(3):
            (record,) = await ended(service, [await service.promise("predict", rows(str(number)))])
            assert record.status == "success"
        assert service.calls == [1] * 3


async def test_a_promised_run_whose_chunks_are_read_is_executed_alone(serve: Serve) -> None:
    async with serve() as service:
        async with waiting(service, "predict", rows("a"), rows("b")) as run_ids:
            token = CHUNK_STREAM.set(UnreadStream())
            run_ids.append(await service.promise("predict", rows("c")))
            CHUNK_STREAM.reset(token)
            (streamed,) = await ended(service, run_ids[2:])
            assert streamed.status == "success"
        await ended(service, run_ids)
        assert service.calls == [1, 1, 2]


async def test_one_bad_row_fails_one_promised_run(serve: Serve) -> None:
    async with serve() as service:
        async with waiting(service, "strict", rows("a"), rows("bad", x=-1.0), rows("c")) as run_ids:
            pass
        records = await ended(service, run_ids)
        assert [record.status for record in records] == ["success", "failure", "success"]
        assert records[1].error is not None
        assert records[1].error.message == "negative: bad"


async def test_a_promised_run_is_tried_again_alone(serve: Serve) -> None:
    async with serve() as service:
        retries = {"run": {"retries": 1, "delay_seconds": 0.0}}
        await service.promise("strict", rows("gate"), retries=retries)
        await service.until(lambda gauges: gauges["runs_running"] == 1)
        run_ids = [
            await service.promise("strict", given, retries=retries) for given in (rows("a"), rows("bad", x=-1.0))
        ]
        service.open("gate")
        records = await ended(service, run_ids)
        assert [(record.status, record.run_attempt) for record in records] == [("success", 1), ("failure", 2)]


async def test_promised_runs_leave_their_batch_when_they_are_cancelled(serve: Serve) -> None:
    async with serve() as service:
        async with waiting(service, "predict", rows("left"), rows("gate_in"), rows("stays"), rows("gone")) as run_ids:
            await service.runs.cancel(run_ids[3])
        with anyio.fail_after(60):
            while service.calls != [1, 3]:
                await anyio.sleep(0.001)
        assert (await service.runs.cancel(run_ids[0])).status in ("running", "cancelled")
        (record,) = await ended(service, run_ids[:1])
        assert record.status == "cancelled"
        service.open("gate_in")
        assert [record.status for record in await ended(service, run_ids)] == [
            "cancelled",
            "success",
            "success",
            "cancelled",
        ]
        assert service.calls == [1, 3]


async def test_runs_that_wait_in_the_store_are_executed_as_one(project: Path, tmp_path: Path) -> None:
    """The server that accepts them executes none; a worker takes them from the store."""
    store = str(tmp_path / "runs.db")
    front_end_policy = Policy(grace_seconds=0.1, max_concurrent_runs=0)
    session = AsyncSession.create(project_path=project)
    async with Dispatcher(session, store=store, policy=front_end_policy, batching={"predict": OPTIONS}) as front_end:
        assert front_end.batching is not None
        assert "executes no runs" in (front_end.batching.describe()[0].problem or "")
        async with open_service(project, proven=True, store=store, takes_runs=True) as service:
            await promise(front_end, "predict", rows("gate"))
            await service.until(lambda gauges: gauges["runs_running"] == 1)
            run_ids = [await promise(front_end, "predict", rows(str(number))) for number in range(3)]
            await service.until(lambda gauges: gauges["runs_queued"] == 3)
            service.open("gate")
            assert [record.status for record in await ended(service, run_ids)] == ["success"] * 3
            assert [await kept_keys(service, run_id) for run_id in run_ids] == [["0"], ["1"], ["2"]]
            assert service.calls == [1, 3]


class StoppingStore(SQLiteStore):
    """A store that fails once when so many runs are to be written as running: before or after it is stored."""

    has_failed = False

    def __init__(self, path: Path, *, is_written: bool, starts: int = 2) -> None:
        super().__init__(path)
        self._is_written = is_written
        self._starts = starts

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        if self.has_failed or sum(entry.record.status == "running" for entry in entries) < self._starts:
            return super().write(entries)
        self.has_failed = True
        if self._is_written:
            super().write(entries)
        raise StoreUnavailableError("it stops")


@pytest.mark.parametrize("is_written", [False, True])
async def test_runs_whose_batch_cannot_begin_are_executed_once_each(
    serve: Serve, tmp_path: Path, is_written: bool
) -> None:
    store = StoppingStore(tmp_path / "runs.db", is_written=is_written)
    async with serve(store=store) as service:
        async with waiting(service, "predict", rows("a"), rows("b"), rows("c")) as run_ids:
            pass
        assert [record.status for record in await ended(service, run_ids)] == ["success"] * 3
        assert [await kept_keys(service, run_id) for run_id in run_ids] == [["a"], ["b"], ["c"]]
        assert store.has_failed
        assert sum(service.calls) == 4
        # The group goes on as before.
        assert (await service.run("predict", rows("d"))).record.status == "success"
        assert service.runs.gauges()["runs_running"] == 0


async def test_a_run_whose_start_cannot_be_written_does_not_hold_up_its_group(serve: Serve, tmp_path: Path) -> None:
    store = StoppingStore(tmp_path / "runs.db", is_written=False, starts=1)
    async with serve(store=store) as service:
        run_ids = [await service.promise("predict", rows("a"))]
        await ended(service, run_ids)
        run_ids += [await service.promise("predict", rows(key)) for key in "bc"]
        assert [record.status for record in await ended(service, run_ids)] == ["success"] * 3
        assert [await kept_keys(service, run_id) for run_id in run_ids] == [["a"], ["b"], ["c"]]
        assert (store.has_failed, sum(service.calls)) == (True, 3)
        await service.until(lambda gauges: gauges["runs_running"] == 0)


class TakingStore(SQLiteStore):
    """A store in which another worker takes a run when several are to be written as running."""

    taken: str | None = None

    def write(self, entries: Sequence[RunWrite]) -> list[WriteResult]:
        starting = [entry.record.run_id for entry in entries if entry.record.status == "running"]
        if self.taken is None and len(starting) > 1:
            self.taken = starting[0]
            with self.transaction(writes=True) as connection:
                connection.execute("UPDATE runs SET owner = 'another' WHERE run_id = ?", (self.taken,))
        return super().write(entries)


async def test_a_batch_begins_without_the_run_that_another_worker_has_taken(serve: Serve, tmp_path: Path) -> None:
    store = TakingStore(tmp_path / "runs.db")
    async with serve(store=store) as service:
        async with waiting(service, "predict", rows("a"), rows("b"), rows("c")) as run_ids:
            pass
        with anyio.fail_after(60):
            while store.taken is None:
                await anyio.sleep(0.001)
        left = [run_id for run_id in run_ids if run_id != store.taken]
        assert [record.status for record in await ended(service, left)] == ["success"] * 2
        assert service.calls == [1, 2]
        await service.until(lambda gauges: gauges["runs_running"] == 0)


async def _many(service: Service, count: int, seed: int) -> None:
    """Promise runs with rows of their own; some fail, some are cancelled, and all others keep their own rows."""
    chance = random.Random(seed)
    limiter = anyio.CapacityLimiter(64)
    statuses = []

    async def one(number: int) -> None:
        size, fate = chance.randint(1, 3), chance.random()
        given = rows(*(f"{number}-{part}" for part in range(size)), x=-1.0 if fate < 0.01 else float(number))
        async with limiter:
            run_id = await service.promise("strict", given)
            if fate > 0.95:
                await service.runs.cancel(run_id)
            record = await service.runs.wait(run_id)
        statuses.append(record.status)
        match record.status:
            case "success":
                assert await service.kept(run_id) == given
            case "failure":
                assert fate < 0.01
                assert record.error is not None
                assert record.error.message == f"negative: {number}-0"
            case _:
                assert fate > 0.95

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number)
    assert statuses.count("success") > count * 0.85
    await service.until(lambda gauges: gauges["runs_running"] == 0)
    gauges = service.runs.gauges()
    assert [gauges[name] for name in ("runs_queued", "runs_queued_bytes", "runs_stopping")] == [0, 0, 0]


async def test_no_promised_run_ever_sees_the_row_of_another(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with serve() as service:
        await _many(service, 300, seed=1)
        assert (service.state("strict").runs_per_batch or 0) > 2


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_promised_run_of_many_ever_sees_the_row_of_another(
    serve: Serve, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with serve(store=str(tmp_path / "runs.db")) as service:
        await _many(service, 5000, seed=2)
        assert (service.state("strict").runs_per_batch or 0) > 2
