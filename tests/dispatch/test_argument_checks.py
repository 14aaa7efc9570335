"""Every number and text from a caller has a range, in Python too."""

import math
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.errors import OutOfRangeError, PolicyError, UnstorableRunError
from kedro_asgi.failures import MAX_CHARACTERS
from kedro_asgi.runs import RunOrder, RunQuery, RunSpec, Slice
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

HUGE = 10**309


@pytest.mark.parametrize(
    "facts",
    [
        *({"timeout_seconds": value} for value in (0, -1, math.inf, math.nan, HUGE, 1e300)),
        {"labels": {f"name-{n}": "" for n in range(51)}},
        {"labels": {"team=ml": "x"}},
        {"labels": {"": "x"}},
        {"labels": {"x" * 256: "x"}},
        {"labels": {"x": "x" * 1025}},
        {"key": ""},
        {"key": "x" * 256},
    ],
    ids=lambda facts: str(facts)[:30],
)
async def test_an_order_out_of_range_is_refused_and_takes_no_slot(work: Path, facts: dict[str, object]) -> None:
    async with Dispatcher(AsyncSession.create(project_path=work)) as runs:
        with pytest.raises((OutOfRangeError, UnstorableRunError)):
            await runs.submit("calc", **facts)
        with pytest.raises(OutOfRangeError):
            await runs.accept(RunOrder(**facts))
        with pytest.raises(OutOfRangeError):
            await runs.run(RunOrder(**facts))
        assert (runs.gauges()["runs_running"], runs.gauges()["runs_queued"]) == (0, 0)
        assert (await runs.list(RunQuery())).runs == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"labels": {f"name-{n}": "" for n in range(1100)}},
        {"limit": 0},
        {"limit": -1},
        {"limit": 1001},
        {"limit": HUGE},
        {"status": "lost"},
    ],
    ids=lambda facts: str(facts)[:30],
)
async def test_a_query_out_of_range_is_refused(work: Path, facts: dict[str, object]) -> None:
    async with Dispatcher(AsyncSession.create(project_path=work)) as runs:
        with pytest.raises(OutOfRangeError):
            await runs.list(RunQuery(**facts))


async def test_a_status_may_be_repeated_without_limit(work: Path) -> None:
    async with Dispatcher(AsyncSession.create(project_path=work)) as runs:
        assert (await runs.list(RunQuery(status=("failure", "success") * 50_000))).runs == ()


async def test_waits_of_any_length_hurt_nothing(work: Path) -> None:
    async with Dispatcher(AsyncSession.create(project_path=work)) as runs:
        run = await runs.submit("calc")
        for seconds in (HUGE, math.inf, 1e300, None):
            with anyio.fail_after(60):
                assert (await runs.wait(run.run_id, timeout_seconds=seconds)).status == "success"
        with pytest.raises(OutOfRangeError):
            await runs.wait(run.run_id, timeout_seconds=math.nan)
        with pytest.raises(OutOfRangeError):
            await runs.drain(grace_seconds=math.nan)
        for number in (-1, HUGE):
            with pytest.raises(OutOfRangeError):
                await anext(runs.follow(run.run_id, after=number))
        with anyio.fail_after(60):
            await runs.drain(grace_seconds=HUGE)


@pytest.mark.parametrize("value", [math.nan, math.inf, HUGE, 1e300, -1])
@pytest.mark.parametrize("name", Policy.__struct_fields__)
async def test_a_policy_out_of_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(PolicyError):
        Dispatcher(AsyncSession.create("nowhere"), policy=Policy(**{name: value}))


@pytest.mark.parametrize("text", ["\ud800", "a\n=\\b\0", r"\ud800"])
async def test_runs_are_found_by_labels_and_pipelines_of_any_text(work: Path, store: str, text: str) -> None:
    async with Dispatcher(AsyncSession.create(project_path=work), store=store) as runs:
        run = await runs.submit(text, labels={"name": text})
        await runs.wait(run.run_id)
        for query in (RunQuery(labels={"name": text}), RunQuery(pipeline=text)):
            assert [found.run_id for found in (await runs.list(query)).runs] == [run.run_id]


async def test_a_record_bounds_the_names_of_pipelines(work: Path) -> None:
    names = ("x" * 1_000_000, *(f"pipeline {number}" for number in range(5000)))
    async with Dispatcher(AsyncSession.create(project_path=work)) as runs:
        ended = (await runs.run(RunOrder(spec=RunSpec(slice=Slice(pipeline_names=names))))).record
    assert ended.status == "failure"
    assert sum(map(len, ended.pipeline_names)) < MAX_CHARACTERS + 100
    assert ended.pipeline_names[-1].endswith("names left out)")


REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def register_pipelines():
    return {"__default__": Pipeline([node(lambda a: a, "params:a", "x" * 1_000_000, name="n" * 1_000_000)])}
"""


async def test_events_bound_the_names_of_nodes_and_datasets(make_project: Callable[..., Path]) -> None:
    project = make_project(REGISTRY, parameters="a: 1")
    async with Dispatcher(AsyncSession.create(project_path=project)) as runs:
        run = await runs.submit()
        told = [found async for found in runs.follow(run.run_id)]
    assert {type(found.event).__name__ for found in told} >= {"NodeStarted", "NodeFinished", "DatasetSaved"}
    assert max(len(found.body) for found in told) < 2 * MAX_CHARACTERS + 1000
    assert any(b"991808 characters left out" in found.body for found in told)
