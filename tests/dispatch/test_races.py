"""Calls that meet at a bad moment: with the store's failure, with each other, with an end of their caller."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.stores.base import Entry, Verdict
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import DrainingError, StoreUnavailableError
from kedro_asgi.runs import RunOrder, RunQuery, RunSpec, Slice

pytestmark = pytest.mark.anyio


def order(pipeline: str, *, key: str | None = None, **params: object) -> RunOrder:
    spec = RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params)
    return RunOrder(spec=spec, key=key)


async def until_running(runs: Dispatcher) -> str:
    """Return the id of a run that is recorded as running."""
    while not (found := (await runs.list(RunQuery(status="running"))).runs):
        await anyio.sleep(0.01)
    return found[0].run_id


# --- the end of a run cannot be written ---


class FailingStore(SQLiteStore):
    """A store that cannot be written from some moment on."""

    is_failing = False

    def write(self, entries: Sequence[Entry]) -> list[Verdict]:
        if self.is_failing:
            raise StoreUnavailableError("the disk is full")
        return super().write(entries)


async def test_who_waits_for_an_end_that_cannot_be_written_is_let_go_when_the_room_closes(room, tmp_path: Path) -> None:
    store, answers = FailingStore(tmp_path / "runs.db"), []

    async def run(runs: Dispatcher) -> None:
        with pytest.raises(DrainingError):
            await runs.run(order("wait", key="k", seconds=30))
        answers.append("refused")

    async def wait(runs: Dispatcher, run_id: str) -> None:
        answers.append((await runs.wait(run_id)).status)

    with anyio.fail_after(15):
        async with anyio.create_task_group() as tasks, room(store) as runs:
            tasks.start_soon(run, runs)
            tasks.start_soon(wait, runs, await until_running(runs))
            await anyio.wait_all_tasks_blocked()
            store.is_failing = True
    assert sorted(answers) == ["refused", "running"]
