"""Runs of a pipeline that are executed as one."""

import logging
import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pandas as pd
import pytest
from batching_service import OPTIONS, Service, keys, nothing_by_chance, open_service, rows, scores

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Finished, Policy
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.batching.member_order import AloneError, member_order
from kedro_asgi.dispatch.batching.rules import BatchingRules
from kedro_asgi.events import LogLine, NodeFinished, RunBatched, RunEnded
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import AsyncSession
from predicting import write_predicting_project

pytestmark = pytest.mark.anyio

# The first import of it reads files, which no event loop may do.
import_module("kedro_asgi.dispatch.executors.process.executor")


@pytest.fixture
def anyio_backend() -> str:
    """One event loop is enough for most of these tests: others try that of trio."""
    return "asyncio"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_predicting_project(tmp_path)


@pytest.fixture
def serve(project: Path) -> Callable[..., Any]:
    return partial(open_service, project)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_runs_that_come_together_are_executed_as_one(serve) -> None:
    async with serve(proven=True) as service:
        found = await service.gather("predict", [rows("a"), rows("b", "c"), rows("d")])
        assert [keys(one) for one in found] == [["a"], ["b", "c"], ["d"]]
        assert service.calls == [1, 4]
        assert len({one.record.run_id for one in found}) == 3
        state = service.state("predict")
        assert (state.state, state.batches, state.runs, state.rows) == ("batched", 2, 4, 5)
        assert state.batches_by_runs == {"1": 1, "4": 1}


async def test_the_first_batches_are_compared_with_runs_alone(serve) -> None:
    async with serve() as service:
        for _ in range(2):
            found = await service.gather("predict", [rows(str(number)) for number in range(7)])
            assert [keys(one) for one in found] == [[str(number)] for number in range(7)]
        # Seven rows are seldom in their places by chance.
        assert service.calls == [1, 7, *[1] * 7, 1, 7]


async def test_equal_rows_prove_nothing(serve) -> None:
    async with serve() as service:
        for _ in range(3):
            await service.gather("centred", [rows("a") for _ in range(7)])
        found = await service.gather("centred", [rows("a", x=1.0), rows("b", x=5.0)])
        assert [scores(one) for one in found] == [[0.0], [0.0]]
        assert service.state("centred").state == "refused"


async def test_a_proof_is_of_one_computation(serve) -> None:
    async with serve() as service:
        requests = [rows(str(number), x=float(number)) for number in range(7)]
        await service.gather("frames", requests)
        await service.gather("frames", requests, params={"factor": 3.0})
        assert service.calls == [1, 7, *[1] * 7] * 2
        await service.gather("frames", requests)
        assert service.calls[-2:] == [1, 7]


async def test_a_batch_is_compared_now_and_then(serve) -> None:
    often = msgspec.structs.replace(nothing_by_chance(), spot_check_share=1.0)
    async with serve(batching_rules=often) as service:
        requests = [rows(str(number)) for number in range(7)]
        await service.gather("predict", requests)
        found = await service.gather("predict", requests)
        assert [keys(one) for one in found] == [[str(number)] for number in range(7)]
        assert service.calls == [1, 7, *[1] * 7, 1, 7, 1]


@pytest.mark.parametrize("values", [[10**400, 10**400 + 1], ["\ud800", "b"], [float("nan"), 2.0]])
async def test_odd_values_of_a_batch_end_as_they_do_alone(serve, values: list[Any]) -> None:
    async with serve() as service:
        found: dict[int, Finished] = {}
        async with anyio.create_task_group() as tasks:

            async def run(number: int, value: Any) -> None:
                found[number] = await service.run("echo", [{"key": value, "x": value}])

            for number, value in enumerate(values * 4):
                tasks.start_soon(run, number, value)
        assert {one.record.status for one in found.values()} == {"success"}
        assert service.runs.gauges()["runs_running"] == 0


async def test_each_run_has_its_own_events_without_the_lines_of_others(serve) -> None:
    async with serve(proven=True) as service:
        found = await service.gather("predict", [rows("a"), rows("b")])
        for one in found:
            events = await service.events(one)
            assert {event.run_id for event in events} == {one.record.run_id}
            assert [event.runs for event in events if isinstance(event, RunBatched)] == [2]
            assert any(isinstance(event, NodeFinished) for event in events)
            assert not any(isinstance(event, LogLine) for event in events)
            assert isinstance(events[-1], RunEnded)
        alone = await service.run("predict", rows("a"))
        assert any(isinstance(event, LogLine) for event in await service.events(alone))


async def test_a_run_that_is_cancelled_before_its_batch_leaves_it(serve) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with service.gathering("predict", [rows("a"), rows("b"), rows("c")], found):
            (run_id,) = await service.run_ids("queued", "'b'")
            await service.runs.cancel(run_id)
        assert found[1].record.status == "cancelled"
        assert (keys(found[0]), keys(found[2])) == (["a"], ["c"])
        assert service.calls == [1, 2]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_run_that_is_cancelled_within_its_batch_ends_at_once_and_the_others_go_on(serve) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with service.gathering("predict", [rows("a"), rows("gate_in"), rows("c")], found):
            pass_on = service.open
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_within, service, found, pass_on)
                await anyio.lowlevel.checkpoint()
                service.open("gate1")
        assert found[0].record.status == "cancelled"
        assert (keys(found[1]), keys(found[2])) == (["gate_in"], ["c"])
        assert service.calls == [1, 3]


async def _cancel_within(service: Service, found: dict[int, Finished], pass_on: Callable[[str], None]) -> None:
    with anyio.fail_after(60):
        while not (ids := await service.run_ids("running", "'a'")):
            await anyio.sleep(0.001)
    await service.runs.cancel(ids[0])
    with anyio.fail_after(60):
        while 0 not in found:
            await anyio.sleep(0.001)
    assert 1 not in found
    pass_on("gate_in")


async def test_a_batch_is_stopped_when_all_its_runs_are_cancelled(serve, project: Path) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with service.gathering("two", [rows("gate_in"), rows("b")], found):
            service.open("gate1")
            with anyio.fail_after(60):
                while len(ids := await service.run_ids("running", "")) != 2 or -1 not in found:
                    await anyio.sleep(0.001)
            (project / "after").unlink()
            for run_id in ids:
                await service.runs.cancel(run_id)
            service.open("gate_in")
            await service.until(lambda gauges: gauges["runs_running"] == 0)
        assert [found[number].record.status for number in (0, 1)] == ["cancelled"] * 2
        assert not (project / "after").exists()


async def test_a_run_whose_time_is_over_ends_and_the_others_go_on(serve) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with anyio.create_task_group() as tasks:

            async def limited() -> None:
                found[9] = await service.run("predict", rows("limited"), timeout_seconds=0.05)
                service.open("gate_in")

            async with service.gathering("predict", [rows("gate_in"), rows("b")], found):
                tasks.start_soon(limited)
                await service.until(lambda gauges: gauges["runs_queued"] == 3)
        assert found[9].record.status == "timed_out"
        assert (keys(found[0]), keys(found[1])) == (["gate_in"], ["b"])


async def test_one_bad_row_fails_one_run(serve) -> None:
    async with serve(proven=True) as service:
        found = await service.gather("strict", [rows("a"), rows("bad", x=-1.0), rows("c")])
        assert (keys(found[0]), keys(found[2])) == (["a"], ["c"])
        assert found[1].record.error is not None
        assert found[1].record.error.message == "negative: bad"
        # Each half by itself, and so on.
        assert service.calls == [1, 3, 1, 2, 1, 1]
        assert service.state("strict").failed_batches == 1
        assert service.state("strict").state == "batched"


async def test_a_bad_row_of_many_costs_few_runs(serve) -> None:
    async with serve(proven=True) as service:
        requests = [rows(str(number), x=-1.0 if number == 5 else 1.0) for number in range(16)]
        found = await service.gather("strict", requests)
        assert [one.record.status for one in found] == ["failure" if n == 5 else "success" for n in range(16)]
        assert sorted(service.calls[1:]) == [1, 1, 2, 2, 4, 4, 8, 8, 16]


async def test_a_pipeline_whose_batches_fail_for_no_fault_of_a_run_is_refused(serve, caplog) -> None:
    async with serve(proven=True) as service:
        for _ in range(3):
            found = await service.gather("one_only", [rows("a"), rows("b")])
            assert [keys(one) for one in found] == [["a"], ["b"]]
        problem = service.state("one_only").problem
        assert problem == "3 batches in a row failed, and each of their runs succeeded in a smaller batch or alone."
        assert "Runs of pipeline 'one_only' are not batched: 3 batches" in caplog.text
        assert service.calls == [1, 2, 1, 1] * 3
        assert keys(await service.run("one_only", rows("a"))) == ["a"]
        assert service.state("one_only").unbatched == {"refused": 1}


async def test_a_pipeline_that_drops_rows_is_refused(serve, caplog) -> None:
    async with serve() as service:
        found = await service.gather("dropped", [rows("a"), rows("b", x=-1.0), rows("c")])
        assert [keys(one) for one in found] == [["a"], [], ["c"]]
        assert "Runs of pipeline 'dropped' are not batched: its output 'scores' has not as many rows" in caplog.text
        assert service.state("dropped").state == "refused"


@pytest.mark.parametrize("pipeline", ["in_order", "count"])
async def test_a_pipeline_whose_rows_depend_on_others_is_refused(serve, pipeline: str) -> None:
    async with serve() as service:
        # In the order in which the pipeline has them, which proves nothing.
        requests = [rows(str(number), x=float(9 - number)) for number in range(7)]
        found = await service.gather(pipeline, requests)
        assert [scores(one) for one in found] == ([[1]] * 7 if pipeline == "count" else requests)
        assert "a batch gave a run other outputs" in (service.state(pipeline).problem or "")


async def test_a_pipeline_that_saves_and_one_with_other_datasets_are_refused(serve) -> None:
    saved = BatchingOptions(inputs=("rows",), outputs=("saved",))
    async with serve(options=saved) as service:
        assert "it saves 'saved', and a batch would save the rows" in (service.state("saving").problem or "")
        assert "'outputs' names 'saved', which is none of its outputs" in (service.state("predict").problem or "")
    async with serve(options=BatchingOptions(inputs=("row",), outputs=("scores",))) as service:
        assert "'inputs' names 'row', which is none of its inputs. Did you mean" in service.state("predict").problem
        assert keys(await service.run("predict", rows("a"))) == ["a"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"params": {"factor": 3.0}}),
        ({}, {"params": {"factor": 2}}),
        ({}, {"runner": "ThreadRunner"}),
        ({}, {"is_async": True}),
        ({}, {"retries": {"run": {"retries": 1}}}),
        ({}, {"to_nodes": ["score_frame"]}),
    ],
)
async def test_runs_that_differ_in_more_than_rows_are_not_joined(serve, one: Any, other: Any) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with anyio.create_task_group() as tasks:

            async def run(number: int, more: Any) -> None:
                found[number] = await service.run("frames", rows("a", "b"), **more)

            async with service.gathering("frames", [], found):
                for number, more in enumerate((one, other, one)):
                    tasks.start_soon(run, number, more)
                await anyio.lowlevel.checkpoint()
        assert sorted(service.calls) == [1, 2, 4]
        factors = [more.get("params", {}).get("factor", 2.0) for more in (one, other)]
        assert [scores(found[number])[0]["score"] for number in range(2)] == factors


@pytest.mark.parametrize(
    ("one", "other"),
    [(None, float("nan")), (float("nan"), float("inf")), (1, 1.0), (1, True), (0.0, -0.0), ("1", 1), ([1], {"0": 1})],
)
def test_parameters_that_json_or_python_confuses_are_different(one: Any, other: Any) -> None:
    def computation(value: Any) -> object:
        spec = RunSpec.of(["predict"], inputs={"rows": rows("a")}, outputs=["scores"], params={"t": {"u": [value]}})
        return member_order(spec, BatchedPipeline("predict", OPTIONS, rules=BatchingRules()), size_bytes=0).computation

    assert computation(one) == computation(one)
    assert computation(one) != computation(other)


@pytest.mark.parametrize("value", [(1, 2), Decimal(1), b"x", {1: 2}, object()])
def test_a_run_with_parameters_that_json_does_not_have_is_executed_alone(value: Any) -> None:
    spec = RunSpec.of(["predict"], inputs={"rows": rows("a")}, outputs=["scores"], params={"t": value})
    with pytest.raises(AloneError, match="params"):
        member_order(spec, BatchedPipeline("predict", OPTIONS, rules=BatchingRules()), size_bytes=0)


def test_rows_that_are_nested_too_deeply_are_executed_alone() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    spec = RunSpec.of(["predict"], inputs={"rows": [deep]}, outputs=["scores"])
    with pytest.raises(AloneError, match="rows"):
        member_order(spec, BatchedPipeline("predict", OPTIONS, rules=BatchingRules()), size_bytes=0)


async def test_rows_of_another_kind_are_a_batch_of_their_own(serve) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with service.gathering("frames", [rows("a", x=1.5), rows("b", x=2.5)], found):
            # Nothing of this kind is executed, so it does not wait.
            integers = await service.run("frames", [{"key": "c", "x": 2}])
        assert [scores(one)[0]["score"] for one in (found[0], found[1], integers)] == [3.0, 5.0, 4.0]
        assert service.calls == [1, 1, 2]


async def test_frames_of_a_python_caller_are_joined(serve) -> None:
    async with serve(proven=True, convert=lambda name, value: value) as service:
        frames = [pd.DataFrame(rows(*names)) for names in (["gate_in"], "ab", "c")]
        found: dict[int, Finished] = {}

        async def run(number: int) -> None:
            found[number] = await service.run("frames", frames[number])

        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(run, number)
                await service.until(lambda gauges, n=number: gauges["runs_running"] + gauges["runs_queued"] == n + 1)
            service.open("gate_in")
        assert [found[number].outputs["scores"]["key"].tolist() for number in range(3)] == [
            ["gate_in"],
            ["a", "b"],
            ["c"],
        ]
        assert found[2].outputs["scores"].index.tolist() == [0]
        assert service.calls == [1, 3]


async def test_a_batch_has_no_more_rows_than_it_may(serve) -> None:
    options = BatchingOptions(inputs=("rows",), outputs=("scores",), max_rows=4)
    async with serve(options=options, proven=True) as service:
        found = await service.gather("predict", [rows("a"), rows("b", "c")])
        found += await service.gather("predict", [rows("a"), rows("b")])
        assert [keys(one) for one in found] == [["a"], ["b", "c"], ["a"], ["b"]]
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(service.run, "predict", rows(f"{number}a", f"{number}b"))
        assert max(service.calls) == 4
        assert len(keys(await service.run("predict", rows(*"abcde")))) == 5
        assert service.state("predict").unbatched == {"rows": 1}


async def test_a_request_with_many_values_is_executed_alone(serve) -> None:
    async with serve() as service:
        assert (await service.run("echo", [{"key": "a", "x": [1] * 10_000}])).record.status == "success"
        assert service.state("echo").unbatched == {"size": 1}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"outputs": ()}, "outputs"),
        ({"outputs": ("scores", "rows")}, "outputs"),
        ({"only_missing_outputs": True}, "inputs"),
    ],
)
async def test_runs_that_cannot_be_joined_are_counted_by_reason(serve, more: Any, reason: str) -> None:
    async with serve() as service:
        assert (await service.run("predict", rows("a"), **more)).record.status == "success"
        assert service.state("predict").unbatched == {reason: 1}


async def test_runs_one_at_a_time_do_not_wait(serve) -> None:
    async with serve() as service:
        for _ in range(5):
            assert keys(await service.run("predict", rows("a"))) == ["a"]
        assert service.calls == [1] * 5
        assert service.runs.gauges()["runs_queued"] == 0


async def test_a_reload_has_the_pipelines_checked_again(serve, project: Path) -> None:
    async with serve(proven=True) as service:
        (project / "conf/base/parameters.yml").write_text("factor: 3.0\n")
        await service.runs._session.reload()
        first = await service.run("frames", rows("a"))
        assert scores(first) == [{"key": "a", "score": 3.0}]
        assert service.state("frames").unbatched == {"unchecked": 1}
        await service.runs.batching.check()
        found = await service.gather("frames", [rows("a"), rows("b")])
        assert [scores(one)[0]["score"] for one in found] == [3.0, 3.0]


async def test_runs_that_wait_while_the_project_is_read_again_are_executed_alone(serve, project: Path) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with service.gathering("frames", [rows("a"), rows("b")], found):
            (project / "conf/base/parameters.yml").write_text("factor: 3.0\n")
            await service.runs._session.reload()
        assert [scores(found[number])[0]["score"] for number in (0, 1)] == [3.0, 3.0]
        assert service.calls == [1, 1, 1]


async def test_a_batch_that_the_project_changes_under_is_executed_again_run_by_run(serve) -> None:
    async with serve(proven=True) as service:
        found: dict[int, Finished] = {}
        async with service.gathering("predict", [rows("gate_in"), rows("b")], found):
            service.open("gate1")
            with anyio.fail_after(60):
                while -1 not in found or len(await service.run_ids("running")) != 2:
                    await anyio.sleep(0.001)
            await service.runs._session.reload()
            service.open("gate_in")
        assert [keys(found[number]) for number in (0, 1)] == [["gate_in"], ["b"]]
        assert service.calls == [1, 2, 1, 1]
        assert service.state("predict").failed_batches == 0


async def test_a_service_that_closes_ends_the_runs_of_its_batches(serve) -> None:
    found: dict[int, Finished] = {}
    async with anyio.create_task_group() as tasks:
        async with serve(proven=True) as service:

            async def run(number: int, key: str) -> None:
                found[number] = await service.run("predict", rows(key))

            tasks.start_soon(run, 0, "gate_a")
            await service.until(lambda gauges: gauges["runs_running"] == 1)
            for number in (1, 2):
                tasks.start_soon(run, number, f"gate_{number}")
            await service.until(lambda gauges: gauges["runs_queued"] == 2)
        for gate in ("gate_a", "gate_1", "gate_2"):
            service.open(gate)
    assert {one.record.status for one in found.values()} == {"cancelled"}


@pytest.mark.slow
async def test_a_crash_of_a_batch_fails_the_run_that_crashes_alone(serve) -> None:
    async with serve(proven=True, executor=ExecutorChoice(default="process")) as service:
        found = await service.gather("crash", [rows("a"), rows("bad", x=-1.0), rows("c")])
        assert (keys(found[0]), keys(found[2])) == (["a"], ["c"])
        assert (found[1].record.status, found[1].record.error.type) == ("failure", "RunCrashedError")
        assert service.state("crash").failed_batches == 1


async def _many(service: Service, count: int, seed: int, reload: Callable[[], Any] | None = None) -> None:
    """Run requests with rows of their own, of which some fail, some are cancelled, and all else gets its own rows."""
    chance = random.Random(seed)
    limiter = anyio.CapacityLimiter(64)
    ended = {"success": 0, "failure": 0, "cancelled": 0}

    async def one(number: int) -> None:
        size, fate = chance.randint(1, 3), chance.random()
        given = rows(*(f"{number}-{part}" for part in range(size)), x=-1.0 if fate < 0.002 else float(number))
        until = partial(anyio.sleep, chance.random() / 20) if fate > 0.97 else None
        async with limiter:
            finished = await service.run("strict", given, until=until)
        status = finished.record.status
        ended[status] += 1
        if status == "success":
            assert scores(finished) == given
        elif status == "failure":
            assert fate < 0.002
            assert finished.record.error is not None
            assert finished.record.error.message == f"negative: {number}-0"
        else:
            assert fate > 0.97

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number)
            if number % 5000 == 0 and reload is not None:
                await reload()
            while limiter.statistics().tasks_waiting > 200:
                await anyio.sleep(0.001)
    assert ended["success"] > count * 0.9
    # Nothing holds a slot, a place or memory any more.
    await service.until(lambda gauges: gauges["runs_running"] == 0)
    gauges = service.runs.gauges()
    assert [gauges[name] for name in ("runs_queued", "runs_queued_bytes", "runs_stopping")] == [0, 0, 0]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_no_run_ever_sees_the_row_of_another(serve, caplog) -> None:
    caplog.set_level(logging.CRITICAL)
    async with serve() as service:
        await _many(service, 500, seed=1)
        assert service.state("strict").runs_per_batch > 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_no_run_of_many_ever_sees_the_row_of_another(serve, caplog) -> None:
    caplog.set_level(logging.CRITICAL)
    async with serve() as service:

        async def reload() -> None:
            await service.runs._session.reload()

        await _many(service, 100_000, seed=2, reload=reload)
        # Also after the reloads.
        assert service.state("strict").runs_per_batch > 2


async def test_a_server_that_counts_the_runs_of_a_fleet_joins_none(project: Path, tmp_path: Path) -> None:
    session = AsyncSession.create(project_path=project)
    policy = Policy(grace_seconds=0.1, max_fleet_runs=2)
    async with Dispatcher(session, store=tmp_path / "runs.db", policy=policy, batching={"predict": OPTIONS}) as runs:
        assert runs.batching is not None
        await runs.batching.check()
        (state,) = runs.batching.describe()
        assert state.problem == "this server executes no runs, or counts or shares out each run of a fleet."
