"""Batches in processes and on Dask workers: what of a batch depends on where it is executed."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from importlib import import_module

import anyio
import pytest
from batching_service import Service, keys, open_service, rows

from dask_processes import one_process_cluster
from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch import ExecutorChoice, Finished
from kedro_asgi.events import LogLine, NodeFinished, RunBatched
from predicting import write_predicting_project

pytestmark = pytest.mark.anyio

# The first import of them reads files, which no event loop may do.
import_module("kedro_asgi.dispatch.executors.process.executor")
import_module("kedro_asgi.dispatch.executors.dask.executor")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["process", pytest.param("dask", marks=pytest.mark.slow)])
async def service(
    request: pytest.FixtureRequest, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """All tests of one executor share it, since processes take a second to start."""
    project = write_predicting_project(tmp_path_factory.mktemp("batching"))
    with one_process_cluster(project) if request.param == "dask" else nullcontext() as scheduler:
        choice = ExecutorChoice(default=request.param, dask=DaskOptions(scheduler=scheduler))
        async with open_service(project, proven=True, executor=choice) as opened:
            yield opened


async def test_a_batch_is_executed_as_one_with_events_for_each_run(service: Service) -> None:
    found = await service.gather("predict", [rows("a"), rows("b", "c"), rows("d")])
    assert [keys(one) for one in found] == [["a"], ["b", "c"], ["d"]]
    assert service.calls[-2:] == [1, 4]
    for one in found:
        events = await service.events(one)
        assert {event.run_id for event in events} == {one.record.run_id}
        assert [(event.runs, event.rows) for event in events if isinstance(event, RunBatched)] == [(3, 4)]
        assert any(isinstance(event, NodeFinished) for event in events)
        assert not any(isinstance(event, LogLine) for event in events)


async def test_promised_runs_are_joined(service: Service) -> None:
    await service.promise("predict", rows("gate_promised"))
    await service.until(lambda gauges: gauges["runs_running"] == 1)
    run_ids = [await service.promise("predict", rows(key)) for key in "ab"]
    service.open("gate_promised")
    for run_id, key in zip(run_ids, "ab", strict=True):
        assert (await service.runs.wait(run_id)).status == "success"
        assert [row["key"] for row in await service.kept(run_id)] == [key]
    assert service.calls[-2:] == [1, 2]


async def test_one_bad_row_fails_one_run(service: Service) -> None:
    found = await service.gather("strict", [rows("a"), rows("bad", x=-1.0), rows("c")])
    assert (keys(found[0]), keys(found[2])) == (["a"], ["c"])
    assert found[1].record.error is not None
    assert found[1].record.error.message == "negative: bad"


async def test_frames_are_joined_where_the_batch_is_executed(service: Service) -> None:
    found = await service.gather("frames", [rows("a"), rows("b", "c")])
    assert [keys(one) for one in found] == [["a"], ["b", "c"]]
    assert service.calls[-2:] == [1, 3]


async def test_a_run_that_is_cancelled_within_its_batch_ends_at_once_and_the_others_go_on(service: Service) -> None:
    found: dict[int, Finished] = {}
    async with service.gathering("predict", [rows("left"), rows("gate_left"), rows("stays")], found):
        service.open(service.last_gate)
        with anyio.fail_after(60):
            while not (ids := await service.run_ids("running", "'left'")):
                await anyio.sleep(0.001)
            await service.runs.cancel(ids[0])
            while 0 not in found:
                await anyio.sleep(0.001)
        assert 1 not in found
        service.open("gate_left")
    assert found[0].record.status == "cancelled"
    assert (keys(found[1]), keys(found[2])) == (["gate_left"], ["stays"])


async def test_the_slot_of_a_batch_is_free_when_all_its_runs_were_cancelled_and_its_node_has_returned(
    service: Service,
) -> None:
    found: dict[int, Finished] = {}
    async with service.gathering("two", [rows("gate_all"), rows("b")], found):
        service.open(service.last_gate)
        with anyio.fail_after(60):
            while len(ids := await service.run_ids("running")) != 2 or -1 not in found:
                await anyio.sleep(0.001)
            for run_id in ids:
                await service.runs.cancel(run_id)
            while len(found) < 3:
                await anyio.sleep(0.001)
        service.open("gate_all")
        await service.until(lambda gauges: gauges["runs_running"] == 0)
    assert [found[number].record.status for number in (0, 1)] == ["cancelled"] * 2
