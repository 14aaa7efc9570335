"""Stores that fail at the worst moment: nothing is lost, run twice, or left without an end."""

from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.stores.base import Entry, Verdict
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

Fails = Callable[[Entry], bool]


class TroubledStore(SQLiteStore):
    """A store that once fails to write an entry, or writes it and cannot say so."""

    def __init__(self, path: Path, fails: Fails, *, is_written: bool) -> None:
        super().__init__(path)
        self.has_failed = False
        self._fails = fails
        self._is_written = is_written

    def write(self, entries: Sequence[Entry]) -> list[Verdict]:
        if self.has_failed or not any(map(self._fails, entries)):
            return super().write(entries)
        self.has_failed = True
        if self._is_written:
            super().write(entries)
        raise StoreUnavailableError("the connection broke")


def becomes(status: str) -> Fails:
    return lambda entry: entry.record.status == status


def order(pipeline: str, **params: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params))


def open_room(work: Path, store: SQLiteStore, **policy: object) -> Dispatcher:
    session = AsyncSession.create(project_path=work)
    return Dispatcher(session, store=store, policy=Policy(**{"grace_seconds": 0.1, **policy}))


@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.parametrize("status", ["running", "success"])
async def test_a_promised_run_ends_although_a_write_fails(
    work: Path, tmp_path: Path, status: str, is_written: bool
) -> None:
    store = TroubledStore(tmp_path / "runs.db", becomes(status), is_written=is_written)
    async with open_room(work, store) as runs:
        run = await runs.submit("count")
        with anyio.fail_after(5):
            assert (await runs.wait(run.run_id)).status == "success"
    assert store.has_failed
    assert (tmp_path / "started").read_text() == "1\n"


@pytest.mark.parametrize("is_written", [True, False])
async def test_the_end_of_a_run_is_recorded_although_its_first_record_came_to_nothing(
    work: Path, tmp_path: Path, is_written: bool
) -> None:
    store = TroubledStore(tmp_path / "runs.db", becomes("running"), is_written=is_written)
    async with open_room(work, store) as runs:
        finished = await runs.run(order("sleep", seconds=0.05))
    assert store.has_failed
    async with open_room(work, SQLiteStore(tmp_path / "runs.db")) as runs:
        assert (await runs.read(finished.record.run_id)).status == "success"
        told = [published.sequence async for published in runs.follow(finished.record.run_id)]
        assert told == list(range(1, len(told) + 1))
