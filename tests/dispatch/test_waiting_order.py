"""The orders that wait: how a service keeps them, and how many it takes."""

import gc
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pyarrow as pa
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.waiting_order import PackedOrder, is_small, pack
from kedro_asgi.errors import QueueFullError, UnreadableRunError, UnstorableRunError
from kedro_asgi.runs import RunOrder, RunSpec, Slice
from kedro_asgi.server import create_http_server
from kedro_asgi.session import AsyncSession
from kedro_asgi.tables.arrow_table import ArrowTable

pytestmark = pytest.mark.anyio

LARGE = [{"marker": number} for number in range(20_000)]
TIMES = {"pipeline_names": ["calc"], "inputs": {"a": LARGE}}


def order(pipeline: str, **inputs: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), inputs=inputs, outputs=()))


def nested(levels: int) -> list[Any]:
    tree: list[Any] = []
    for _ in range(levels):
        tree = [tree]
    return tree


@asynccontextmanager
async def held(work: Path, **policy: object) -> AsyncIterator[Dispatcher]:
    """Open a dispatcher whose only slot is taken until the block ends."""
    policies = Policy(max_concurrent_runs=1, grace_seconds=30, **policy)
    async with Dispatcher(AsyncSession.create(project_path=work), policy=policies) as runs:
        await runs.submit("held")
        try:
            yield runs
        finally:
            await anyio.Path(work.parent / "opened").touch()


@pytest.mark.parametrize("value", [{"x": [1, 2.5, None, True, "\ud800"]}, list(range(10_000)), {str(2**70): 2**70}])
def test_a_packed_order_is_the_same_when_it_is_read(value: object) -> None:
    given = RunOrder(spec=RunSpec(inputs={"a": value}), labels={"b": "c"}, timeout_seconds=1.5, on_interrupt="rerun")
    packed = pack(given)
    assert (packed.read_order(), packed.read(), packed.on_interrupt) == (given, given.spec, "rerun")
    assert packed.size_bytes == len(packed.content)


@pytest.mark.parametrize(
    "value",
    [math.nan, {"x": (1, math.inf)}, [[-math.inf]], object(), {(1, 2): 3}, nested(5000), {"x": 10**5000}],
    ids=["nan", "inf", "-inf", "object", "key", "depth", "digits"],
)
def test_an_order_that_does_not_survive_a_round_trip_is_refused(value: object) -> None:
    for spec in (RunSpec(inputs={"a": value}), RunSpec(runtime_params={"a": value})):
        with pytest.raises(UnstorableRunError):
            pack(RunOrder(spec=spec))


def test_a_packed_order_from_json_keeps_parameters_that_are_no_json() -> None:
    given = RunOrder(spec=RunSpec(runtime_params={"a": [math.nan, {"\ud800": math.inf}], "b": None, "c": 2**70}))
    read = pack(given, is_from_json=True).read_order()
    # NaN is not equal to itself.
    assert repr(read) == repr(given)


def test_an_order_within_itself_is_refused() -> None:
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(UnstorableRunError):
        pack(RunOrder(spec=RunSpec(inputs={"a": itself})))


def test_an_order_that_cannot_be_read_says_so() -> None:
    with pytest.raises(UnreadableRunError, match="The stored run cannot be read"):
        PackedOrder(content=b"{").read()


@pytest.mark.parametrize("value", [LARGE, "x" * 100_000, {"x" * 100_000: 1}, {"x": [["y" * 5000] * 5]}])
def test_large_orders_are_told_from_small_ones(value: object) -> None:
    assert is_small(order("calc", a=[1, {"b": "c"}]))
    assert is_small(order("calc"), json_bytes=8192)
    assert not is_small(order("calc"), json_bytes=8193)
    assert not is_small(order("calc", a=value))


def markers() -> int:
    return sum(type(found) is dict and "marker" in found for found in gc.get_objects())


@pytest.mark.parametrize(("path", "headers"), [("/run", {}), ("/run", {"idempotency-key": "k"}), ("/runs", {})])
async def test_the_values_of_a_run_that_waits_are_not_in_memory(work: Path, path: str, headers: dict[str, str]) -> None:
    app = create_http_server(work, policy=Policy(max_concurrent_runs=1), store="memory:")
    before = markers()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as client:
        await client.post("/runs", json={"pipeline_names": ["held"]})
        async with anyio.create_task_group() as tasks:
            url = path if path == "/run" else "/runs?wait=60"
            tasks.start_soon(lambda: client.post(url, json=TIMES, headers=headers, timeout=60))
            with anyio.fail_after(60):
                while "kedro_asgi_runs_queued 1" not in (await client.get("/metrics")).text:
                    await anyio.sleep(0.01)
                assert markers() == before
            await anyio.Path(work.parent / "opened").touch()


async def test_a_small_order_counts_as_the_json_that_it_came_from(work: Path) -> None:
    async with held(work, max_queued_bytes=100) as runs, anyio.create_task_group() as tasks:
        small = order("calc", a=1)
        tasks.start_soon(lambda: runs.run(small, json_bytes=60))
        while runs.gauges()["runs_queued"] < 1:
            await anyio.sleep(0.001)
        assert runs.gauges()["runs_queued_bytes"] == 60
        with pytest.raises(QueueFullError):
            await runs.run(small, json_bytes=60)
        await anyio.Path(work.parent / "opened").touch()


async def test_the_queue_has_a_budget_of_bytes(work: Path) -> None:
    size = pack(order("calc", a="x" * 1000)).size_bytes
    async with held(work, max_queued_bytes=3 * size) as runs:
        queued = [await runs.submit("calc", inputs={"a": "x" * 1000}) for _ in range(3)]
        assert runs.gauges()["runs_queued_bytes"] == 3 * size
        with pytest.raises(QueueFullError, match=f"hold {3 * size} bytes") as caught:
            await runs.submit("calc", inputs={"a": "x" * 1000})
        assert caught.value.queued_bytes == 3 * size
        await runs.cancel(queued[0].run_id)
        queued.append(await runs.submit("calc", inputs={"a": "x" * 1000}))
        for run in queued:
            await runs.cancel(run.run_id)
        assert runs.gauges()["runs_queued_bytes"] == 0


async def test_an_order_of_any_size_runs_where_a_slot_is_free(work: Path) -> None:
    session = AsyncSession.create(project_path=work)
    async with Dispatcher(session, policy=Policy(max_queued_bytes=0)) as runs:
        run = await runs.submit("calc", runtime_params={"a": 5, "text": "x" * 100_000})
        assert (await runs.wait(run.run_id)).status == "success"


async def test_a_worker_takes_over_no_more_than_its_budget(work: Path, tmp_path: Path) -> None:
    """The rest stays in the store until there is room for it."""
    store = tmp_path / "runs.db"
    async with Dispatcher(AsyncSession.create(project_path=work), store=store, policy=Policy(grace_seconds=0)) as runs:
        blocked = [await runs.submit("held") for _ in range(runs.policy.max_concurrent_runs)]
        left = [await runs.submit("calc", runtime_params={"text": "x" * 1000}) for _ in range(4)]
    policy = Policy(max_concurrent_runs=1, max_queued_bytes=1000, look_seconds=0.01)
    async with Dispatcher(AsyncSession.create(project_path=work), store=store, policy=policy) as runs:
        with anyio.fail_after(60):
            assert {(await runs.wait(run.run_id)).status for run in left} == {"success"}
            assert {(await runs.read(run.run_id)).status for run in blocked} == {"cancelled"}


async def test_dates_are_texts_in_every_worker(work: Path) -> None:
    packed = pack(RunOrder(spec=RunSpec(runtime_params={"day": datetime(2026, 1, 2, tzinfo=UTC)})))
    assert packed.read().runtime_params == {"day": "2026-01-02T00:00:00Z"}


def test_tables_of_arrow_wait_as_streams_beside_the_other_inputs() -> None:
    tables = {"full": pa.table({"x": [1.5, float("nan")], "s": ["a", None]}), "empty": pa.table({"n": []})}
    given = order("a", plain=[1], **{name: ArrowTable(table) for name, table in tables.items()})
    assert not is_small(given)
    packed = pack(given)
    assert json.loads(packed.content)["spec"]["inputs"] == {"plain": [1]}
    inputs = packed.read().inputs
    assert inputs["plain"] == [1]
    assert all(inputs[name].table.schema == table.schema for name, table in tables.items())
    assert inputs["full"].table.to_pydict()["s"] == ["a", None]


def test_an_order_without_tables_has_no_field_for_them() -> None:
    assert {"tables", "output_format"}.isdisjoint(json.loads(pack(order("a", plain=1)).content)["spec"])
