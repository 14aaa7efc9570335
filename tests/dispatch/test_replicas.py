"""Several servers and workers share the runs of one PostgreSQL database, and each answers for all of them."""

import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import pytest

from database_server import DatabaseServer
from kedro_asgi.current_request import CURRENT_CALLER
from kedro_asgi.dispatch import Dispatcher, Policy, Worker
from kedro_asgi.dispatch.run_durations import RunDurations
from kedro_asgi.dispatch.stores.base import AdoptedRun
from kedro_asgi.dispatch.stores.postgres import PostgresStore
from kedro_asgi.errors import PolicyError, QueueFullError
from kedro_asgi.events import RunEnded
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.session import AsyncSession

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

Make = Callable[..., Dispatcher]


@pytest.fixture
def url(database_server: DatabaseServer) -> str:
    return database_server.make_database(f"test_{uuid.uuid4().hex}")


@pytest.fixture
def make(work: Path, url: str) -> Make:
    """Return a function that makes a replica; one with 0 slots only accepts runs."""

    def make_replica(kind: type[Worker] = Dispatcher, **policy: object) -> Worker:
        # Looks by themselves come too late for these tests, so they prove that wakes arrive.
        limits = Policy(**{"grace_seconds": 0.1, "look_seconds": 30.0, "max_concurrent_runs": 2, **policy})
        return kind(AsyncSession.create(project_path=work), store=url, policy=limits)

    return make_replica


def order(pipeline: str, *, outputs: tuple[str, ...] = (), **params: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params, outputs=outputs))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(30):
        while not await condition():
            await anyio.sleep(0.01)


async def has_status(runs: Dispatcher, run_id: str, status: str) -> bool:
    return (await runs.read(run_id)).status == status


async def test_one_server_promises_a_worker_executes_and_any_replica_follows(make: Make) -> None:
    async with make(max_concurrent_runs=0) as front_end, make() as other, make(Worker):
        run = await front_end.submit(["calc"], outputs=["d"])
        told = [found.event async for found in other.follow(run.run_id)]
        assert (type(told[-1]), told[-1].status) == (RunEnded, "success")
        assert (await front_end.wait(run.run_id)).status == "success"
        assert await front_end.output(run.run_id, "d") == b"6"


async def test_a_face_answers_a_caller_that_waits(make: Make) -> None:
    async with make(max_concurrent_runs=0) as front_end, make(Worker):
        finished = await front_end.run(order("calc", outputs=("d",)))
    assert finished.record.status == "success"
    assert bytes(finished.outputs["d"]) == b"6"


async def test_a_caller_of_a_face_that_hangs_up_cancels_its_run(make: Make) -> None:
    async with make(max_concurrent_runs=0) as front_end, make(Worker):
        hung_up = anyio.Event()
        async with anyio.create_task_group() as tasks:
            ended = []

            async def run() -> None:
                ended.append(await front_end.run(order("wait", seconds=60), until=hung_up.wait))

            tasks.start_soon(run)
            await until(partial(_is_any_running, front_end))
            hung_up.set()
    assert ended[0].record.status == "cancelled"


async def _is_any_running(runs: Dispatcher) -> bool:
    return any(run.status == "running" for run in (await runs.list()).runs)


async def test_any_replica_cancels_any_run(make: Make) -> None:
    async with make() as first, make() as second, make(max_concurrent_runs=0) as front_end:
        run = await first.submit(["wait"], params={"seconds": 60})
        await until(partial(has_status, first, run.run_id, "running"))
        # A look without a wake comes after 30 seconds.
        with anyio.fail_after(25):
            await front_end.cancel(run.run_id)
            assert (await second.wait(run.run_id)).status == "cancelled"


async def test_a_run_that_nobody_executes_is_cancelled_at_once(make: Make) -> None:
    async with make(max_concurrent_runs=0) as front_end, make(max_concurrent_runs=0) as other:
        run = await front_end.submit(["calc"])
        assert (await other.cancel(run.run_id)).status == "cancelled"
        assert [found.event.status async for found in front_end.follow(run.run_id) if found.is_last] == ["cancelled"]


async def test_runs_wait_in_order_for_any_replica_with_a_free_slot(make: Make, tmp_path: Path) -> None:
    async with make(max_concurrent_runs=1) as busy:
        held = await busy.submit(["held"])
        waiting = [await busy.submit(["count"], params={"a": number}) for number in range(6)]
        service = await busy.service()
        await service.store_queue.count()
        assert (busy.gauges()["runs_queued"], busy.gauges()["runs_waiting_in_store"]) == (0, 6)
        async with make(Worker, max_concurrent_runs=1):
            for run in waiting:
                assert (await busy.wait(run.run_id)).status == "success"
        assert (tmp_path / "started").read_text().split() == list("012345")
        (tmp_path / "opened").touch()
        assert (await busy.wait(held.run_id)).status == "success"


async def test_a_replica_that_was_busy_goes_on_with_the_queue_itself(make: Make, tmp_path: Path) -> None:
    async with make(max_concurrent_runs=1) as runs:
        await runs.submit(["held"])
        waiting = [await runs.submit(["count"], params={"a": number}) for number in range(6)]
        (tmp_path / "opened").touch()
        for run in waiting:
            assert (await runs.wait(run.run_id)).status == "success"
    assert (tmp_path / "started").read_text().split() == list("012345")


async def test_promised_runs_are_not_passed_by_later_callers_that_wait(make: Make, tmp_path: Path) -> None:
    async with make(max_concurrent_runs=1) as runs, anyio.create_task_group() as tasks:
        await runs.submit(["held"])
        promised = await runs.submit(["count"], params={"a": "promised"})
        tasks.start_soon(runs.run, order("count", a="waits"))
        await anyio.wait_all_tasks_blocked()
        (tmp_path / "opened").touch()
        await runs.wait(promised.run_id)
    assert (tmp_path / "started").read_text().split() == ["promised", "waits"]


async def test_the_queue_of_all_replicas_is_bounded(make: Make) -> None:
    async with (
        make(max_concurrent_runs=0, max_queued_runs=2) as front_end,
        make(max_concurrent_runs=0, max_queued_runs=2) as other,
    ):
        await front_end.submit(["calc"])
        run = await other.submit(["calc"])
        with pytest.raises(QueueFullError):
            await front_end.submit(["calc"])
        await other.cancel(run.run_id)
        await front_end.submit(["calc"])


async def test_all_replicas_together_execute_no_more_runs_than_the_fleet_may(make: Make) -> None:
    async with make(max_fleet_runs=3) as first, make(max_fleet_runs=3) as second, make(Worker, max_fleet_runs=3):
        runs = [await replica.submit(["wait"], params={"seconds": 60}) for replica in (first, second) for _ in range(3)]
        await until(partial(_are_running, first, 3))
        for left in (3, 3, 3, 2, 1, 0):
            # The oldest runs are executed, and each that ends makes room for one more at any replica.
            run = await first.cancel(runs.pop(0).run_id)
            assert (await first.wait(run.run_id)).status == "cancelled"
            await until(partial(_are_running, second, left))
        assert (await first.run(order("calc"))).record.status == "success"


async def test_each_caller_gets_its_share_of_the_slots_of_all_replicas(make: Make, tmp_path: Path) -> None:
    limits = {"max_concurrent_runs": 1, "fair_shares": True}
    async with make(**limits) as first, make(**limits) as second:
        CURRENT_CALLER.set("many")
        await first.submit(["wait"], params={"seconds": 60})
        held = await second.submit(["held"])
        await until(partial(_are_running, first, 2))
        waiting = [await first.submit(["count"], params={"a": number}) for number in range(4)]
        CURRENT_CALLER.set("few")
        waiting += [await replica.submit(["count"], params={"a": "few"}) for replica in (first, second)]
        (tmp_path / "opened").touch()
        for run in (held, *waiting):
            assert (await second.wait(run.run_id)).status == "success"
    # Each time, the caller of the run that goes on has one run more than the other.
    assert (tmp_path / "started").read_text().split() == ["few", "few", "0", "1", "2", "3"]


async def test_callers_that_are_not_known_share_by_the_order_of_arrival(make: Make, tmp_path: Path) -> None:
    limits = {"max_concurrent_runs": 1, "fair_shares": True}
    async with make(**limits) as first, make(max_concurrent_runs=0, fair_shares=True) as front_end:
        held = await first.submit(["held"])
        await until(partial(_are_running, first, 1))
        waiting = [await front_end.submit(["count"], params={"a": number}) for number in range(3)]
        (tmp_path / "opened").touch()
        for run in (held, *waiting):
            assert (await front_end.wait(run.run_id)).status == "success"
    assert (tmp_path / "started").read_text().split() == list("012")


async def _are_running(runs: Dispatcher, count: int) -> bool:
    return [run.status for run in (await runs.list()).runs].count("running") == count


async def test_a_run_that_waits_for_its_next_attempt_waits_in_the_store(make: Make) -> None:
    async with make(max_fleet_runs=1) as runs:
        run = await runs.submit(["boom"], retries={"run": {"retries": 1, "delay_seconds": 0.3}})
        other = await runs.submit(["calc"])
        assert (await runs.wait(other.run_id)).status == "success"
        ended = await runs.wait(run.run_id)
    assert (ended.status, ended.run_attempt) == ("failure", 2)


async def test_a_run_that_is_claimed_while_it_is_cancelled_ends(make: Make) -> None:
    async with make(max_fleet_runs=1) as runs:
        held = await runs.submit(["wait"], params={"seconds": 60})
        await until(partial(has_status, runs, held.run_id, "running"))
        waiting = await runs.submit(["calc"])
        service = await runs.service()
        await service.recorder.execute(lambda store: store.request_cancel(waiting.run_id))
        # A claim comes between the request and the cancel's own look.
        claim = await service.recorder.execute(
            lambda store: store.claim_runs(service.owner, limit=1, max_owned=None, now_ms=1)
        )
        assert [taken.record.run_id for taken in claim.runs] == [waiting.run_id]
        service.recovery.take(claim.runs)
        await service.recovery.cancel_in_store_queue(waiting.run_id)
        with anyio.fail_after(30):
            assert (await runs.wait(waiting.run_id)).status == "cancelled"
        await runs.cancel(held.run_id)


@pytest.mark.parametrize("policy", [{"max_fleet_runs": 2}, {"max_concurrent_runs": 0}, {"fair_shares": True}])
async def test_a_store_in_memory_has_no_queue_for_others(work: Path, policy: dict[str, object]) -> None:
    session = AsyncSession.create(project_path=work)
    with pytest.raises(PolicyError, match="needs a store that several processes share"):
        Dispatcher(session, policy=Policy(**policy))
    with pytest.raises(PolicyError, match="needs an on_restart of 'run'"):
        Dispatcher(session, store="runs.db", policy=Policy(on_restart="mark", **policy))


async def test_a_worker_takes_runs_from_a_file_too(work: Path, tmp_path: Path) -> None:
    def make_replica(kind: type[Worker], **facts: object) -> Worker:
        policy = Policy(grace_seconds=0.1, look_seconds=0.02, max_concurrent_runs=int(kind is Worker))
        return kind(AsyncSession.create(project_path=work), store=tmp_path / "runs.db", policy=policy, **facts)

    async with make_replica(Dispatcher) as front_end, make_replica(Worker, takes_runs=True):
        run = await front_end.submit(["calc"])
        assert (await front_end.wait(run.run_id)).status == "success"


async def test_a_replica_stops_runs_that_another_one_has(make: Make, url: str) -> None:
    """A worker that was paused for long, while the database freed its lock, comes back so."""
    async with make() as runs:
        run = await runs.submit(["wait"], params={"seconds": 60})
        # As the store has it.
        await until(partial(_are_running, runs, 1))
        (owned,) = (await runs.service()).runs.values()
        thief = PostgresStore(url)
        await anyio.to_thread.run_sync(thief.open, "thief")
        owner = (await runs.service()).owner
        taken = partial(thief.adopt, run.run_id, former_owner=owner, owner="thief")
        assert await anyio.to_thread.run_sync(taken) is not None
        await until(partial(_is_idle, runs))
        assert owned.phase == "lost"
        assert (await runs.read(run.run_id)).status == "running"
        await anyio.to_thread.run_sync(thief.close)


async def _is_idle(runs: Dispatcher) -> bool:
    return runs.gauges()["runs_running"] == 0


async def test_a_worker_takes_no_run_over_from_itself_while_it_executes_it(make: Make) -> None:
    """The run was to be rechecked after an outage; then another worker returned it, and this one claimed it."""
    async with make() as runs:
        run = await runs.submit(["wait"], params={"seconds": 60}, on_interrupt="rerun")
        await until(partial(has_status, runs, run.run_id, "running"))
        recovery = (await runs.service()).recovery
        stored = await runs.read(run.run_id)
        recovery.take([AdoptedRun(record=stored, stored="queued", order=None, is_cancel_requested=False, last_event=1)])
        await recovery.adopt_orphans()
        assert [found.status for found in (await runs.list()).runs] == ["running"]


@pytest.mark.slow
async def test_runs_that_were_taken_ahead_go_to_others_when_they_wait(make: Make, tmp_path: Path) -> None:
    now = 0.0
    async with make(max_concurrent_runs=1) as first:
        scheduler = (await first.service()).scheduler
        scheduler._durations = durations = RunDurations(clock=lambda: now)
        held = await first.submit(["held"])
        await until(partial(has_status, first, held.run_id, "running"))
        # As if many runs had ended, each in a moment: on a busy machine none does.
        for _ in range(60):
            durations.ended(0.001)
        waiting = [await first.submit(["count"], params={"a": 0})]
        assert scheduler.queued == 1
        now = 1.0
        waiting += [await first.submit(["count"], params={"a": number}) for number in (1, 2)]
        async with make(Worker, max_concurrent_runs=1):
            for run in waiting:
                assert (await first.wait(run.run_id)).status == "success"
        assert (await first.read(held.run_id)).status == "running"
        (tmp_path / "opened").touch()
        await first.wait(held.run_id)


async def test_a_draining_worker_leaves_what_waits_to_others_at_once(make: Make, tmp_path: Path) -> None:
    async with make(max_concurrent_runs=1) as first, make(max_concurrent_runs=0) as front_end:
        for _ in range(3):
            await first.run(order("calc"))
        held = await first.submit(["held"])
        waiting = await first.submit(["count"])
        await until(partial(has_status, front_end, held.run_id, "running"))
        async with anyio.create_task_group() as tasks, make(Worker):
            tasks.start_soon(partial(first.drain, grace_seconds=300))
            assert (await front_end.wait(waiting.run_id)).status == "success"
            assert (await front_end.read(held.run_id)).status == "running"
            (tmp_path / "opened").touch()
