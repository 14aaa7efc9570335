"""What becomes of those who wait, and of what they wait for, when a room closes."""

from pathlib import Path

import anyio
import pytest

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.entries import entry_of, settle
from kedro_asgi.dispatch.life import Life, now
from kedro_asgi.dispatch.stores import open_store
from kedro_asgi.errors import DrainingError
from kedro_asgi.runs import RunIds, RunOrder, RunQuery, RunRecord, RunSpec, Slice

pytestmark = pytest.mark.anyio


def order(pipeline: str, *, key: str | None = None, **params: object) -> RunOrder:
    spec = RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params)
    return RunOrder(spec=spec, key=key)


async def test_who_waits_for_a_queued_run_is_let_go_and_does_not_open_the_room_again(room, tmp_path: Path) -> None:
    waited: list[RunRecord] = []

    async def wait(runs: Dispatcher, run_id: str) -> None:
        waited.append(await runs.wait(run_id))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            async with room(tmp_path / "runs.db", max_concurrent_runs=1) as runs:
                await runs.submit("wait", runtime_params={"seconds": 30})
                queued = await runs.submit("count")
                tasks.start_soon(wait, runs, queued.run_id)
                await anyio.wait_all_tasks_blocked()
    assert [record.status for record in waited] == ["queued"]
    assert runs.gauges() == {}
    assert not (tmp_path / "started").exists()


async def test_a_keyed_run_that_is_left_to_the_next_server_is_refused_and_not_failed(room, tmp_path: Path) -> None:
    refused: list[str] = []

    async def run(runs: Dispatcher) -> None:
        with pytest.raises(DrainingError):
            await runs.run(order("count", key="k"))
        refused.append("k")

    async with anyio.create_task_group() as tasks, room(tmp_path / "runs.db", max_concurrent_runs=1) as runs:
        await runs.submit("wait", runtime_params={"seconds": 30})
        tasks.start_soon(run, runs)
        while runs.gauges()["runs_queued"] < 1:
            await anyio.sleep(0.01)
    assert refused == ["k"]
    async with room(tmp_path / "runs.db") as runs:
        assert (await runs.run(order("count", key="k"))).record.status == "success"
    assert (tmp_path / "started").read_text() == "1\n"
