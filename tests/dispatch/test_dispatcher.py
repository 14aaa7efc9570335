"""The verbs of the dispatcher in process: from the order to the end."""

import json
import math
import threading
import time
from contextlib import aclosing, nullcontext
from pathlib import Path
from random import Random

import anyio
import msgspec
import pandas
import pytest

from kedro_asgi.client import AsyncClient
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import (
    DrainingError,
    KeyReusedError,
    OutputNotFoundError,
    QueueFullError,
    RunNotEndedError,
    RunNotFoundError,
    UnstorableRunError,
)
from kedro_asgi.events import DatasetSaved, LogLine, NodeCancelled, NodeFinished, NodeStarted, RunEnded, RunPlanned
from kedro_asgi.runs import RunOrder, RunQuery, RunSpec, Slice
from kedro_asgi.server import create_http_server
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio


def order(pipeline: str, *, outputs: tuple[str, ...] = (), **params: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), runtime_params=params, outputs=outputs))


async def until_read_by(runs: Dispatcher, count: int) -> None:
    """Return when there are ``count`` readers of events."""
    with anyio.fail_after(60):
        while runs.gauges()["event_readers"] != count:
            await anyio.sleep(0.001)


async def until_working(runs: Dispatcher, run_id: str) -> None:
    """Return when the run's first node has started."""
    with anyio.fail_after(60):
        async with aclosing(runs.follow(run_id)) as told:
            async for published in told:
                if isinstance(published.event, NodeStarted):
                    return


async def test_a_submitted_run_runs_to_its_end(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("calc", outputs=["d"], labels={"team": "ml"})
        assert run.status == "queued"
        record = await runs.wait(run.run_id)
        assert (record.status, record.outputs, record.labels) == ("success", ("d",), {"team": "ml"})
        assert record.created_at <= record.started_at <= record.ended_at
        assert json.loads(await runs.output(run.run_id, "d")) == 6


async def test_a_run_that_is_waited_for_gives_its_outputs(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        finished = await runs.run(order("calc", outputs=("s",), a=5))
        assert (finished.record.status, bytes(finished.outputs["s"])) == ("success", b"7")
        assert (await runs.read(finished.record.run_id)).status == "success"
        listed = (await runs.list(RunQuery())).runs
        assert [found.run_id for found in listed] == [finished.record.run_id]


async def test_failure_is_data(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("boom")
        record = await runs.wait(run.run_id)
        assert record.status == "failure"
        assert (record.error.type, record.error.message) == ("ValueError", "boom at s3://<redacted>@bucket")


async def test_the_first_call_opens_the_service(dispatcher, tmp_path: Path) -> None:
    runs = dispatcher(tmp_path / "runs.db")
    run = await runs.submit("calc")
    assert (await runs.wait(run.run_id)).status == "success"


async def test_waiting_ends_after_its_time(dispatcher) -> None:
    async with dispatcher() as runs:
        run = await runs.submit("wait", runtime_params={"seconds": 30})
        started = time.perf_counter()
        assert not (await runs.wait(run.run_id, timeout_seconds=0.1)).is_final
        assert time.perf_counter() - started < 10


# --- first come, first served, so many at a time ---


async def test_runs_start_in_order_and_no_more_at_a_time_than_allowed(dispatcher, store: str) -> None:
    async with dispatcher(store, max_concurrent_runs=2) as runs:
        ordered = [(await runs.submit("sleep", runtime_params={"seconds": 0.05})).run_id for _ in range(8)]
        records = [await runs.wait(run_id) for run_id in ordered]
    starts = [record.started_at for record in records]
    assert starts == sorted(starts)
    for record in records:
        assert sum(other.started_at <= record.started_at < other.ended_at for other in records) <= 2


async def test_beyond_the_queue_runs_are_refused(dispatcher) -> None:
    async with dispatcher(max_concurrent_runs=1, max_queued_runs=1) as runs:
        for _ in range(2):
            await runs.submit("wait", runtime_params={"seconds": 30})
        with pytest.raises(QueueFullError, match="1 runs are running and 1 are queued") as caught:
            await runs.submit("calc")
        with pytest.raises(QueueFullError):
            await runs.run(order("calc"))
        assert caught.value.retry_after_seconds >= 1
        assert (await runs.list(RunQuery())).runs


async def test_a_refused_run_takes_no_place_in_the_queue(dispatcher) -> None:
    async with dispatcher(max_concurrent_runs=1, max_queued_runs=0) as runs:
        for _ in range(5):
            with pytest.raises(UnstorableRunError, match="'s' has no JSON form: .*at .'deep'"):
                await runs.submit("calc", inputs={"s": {"deep": [object()]}})
        assert (await runs.run(order("calc"))).record.status == "success"


async def test_a_thousand_queued_runs_hold_no_thread(dispatcher) -> None:
    async with dispatcher(max_concurrent_runs=2) as runs:
        await runs.run(order("calc"))
        before = threading.active_count()
        blocking = [await runs.submit("wait", runtime_params={"seconds": 30}) for _ in range(2)]
        async with anyio.create_task_group() as tasks:
            for _ in range(900):
                tasks.start_soon(runs.submit, "calc")
        # Threads that look into the store, of which there are a few, come and go.
        assert threading.active_count() <= before + 12
        for run in blocking:
            await runs.cancel(run.run_id)
        assert runs.gauges()["runs_queued"] >= 0


# --- stopping ---


async def test_a_queued_run_that_is_cancelled_never_starts(dispatcher, store: str, tmp_path: Path) -> None:
    async with dispatcher(store, max_concurrent_runs=1) as runs:
        blocking = await runs.submit("wait", runtime_params={"seconds": 30})
        queued = await runs.submit("count")
        record = await runs.cancel(queued.run_id)
        assert (record.status, record.started_at, record.error.type) == ("cancelled", None, "RunCancelledError")
        await runs.cancel(blocking.run_id)
        assert (await runs.wait(blocking.run_id)).status == "cancelled"
    assert not (tmp_path / "started").exists()


async def test_a_running_run_stops_before_its_next_node_and_keeps_what_is_saved(
    dispatcher, work: Path, tmp_path: Path
) -> None:
    async with dispatcher() as runs:
        run = await runs.submit("held")
        await until_working(runs, run.run_id)
        assert (await runs.cancel(run.run_id)).is_stopping
        (tmp_path / "opened").touch()
        record = await runs.wait(run.run_id)
        events = [published.event async for published in runs.follow(run.run_id)]
    assert (record.status, record.saved) == ("cancelled", ("first",))
    assert json.loads((work / "data" / "first.json").read_text()) == "opened"
    assert [event.node for event in events if isinstance(event, NodeStarted)] == ["one"]


async def test_an_await_is_cancelled_at_once(dispatcher) -> None:
    async with dispatcher() as runs:
        run = await runs.submit("wait", runtime_params={"seconds": 30})
        await until_working(runs, run.run_id)
        started = time.perf_counter()
        await runs.cancel(run.run_id)
        assert (await runs.wait(run.run_id)).status == "cancelled"
        assert time.perf_counter() - started < 10
        events = [published.event async for published in runs.follow(run.run_id)]
    assert any(isinstance(event, NodeCancelled) for event in events)


async def test_cancelling_a_finished_run_does_nothing(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("calc")
        record = await runs.wait(run.run_id)
        assert await runs.cancel(run.run_id) == record


async def test_a_deadline_ends_a_run(dispatcher, store: str, tmp_path: Path) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("wait", runtime_params={"seconds": 30}, timeout_seconds=0.1)
        record = await runs.wait(run.run_id)
        assert (record.status, record.error.message) == ("timed_out", "The run took longer than 0.1 seconds.")
        late = await runs.submit("held", timeout_seconds=0.1)
        with anyio.fail_after(60):
            # A run that begins late is stopped before its node.
            while not ((now := await runs.read(late.run_id)).is_stopping or now.is_final):
                await anyio.sleep(0.01)
        (tmp_path / "opened").touch()
        assert (await runs.wait(late.run_id)).status == "timed_out"


async def test_the_longest_timeout_holds_for_every_run(dispatcher) -> None:
    async with dispatcher(max_timeout_seconds=0.1) as runs:
        assert (await runs.submit("calc", timeout_seconds=60)).timeout_seconds == 0.1
        finished = await runs.run(order("wait", seconds=30))
        assert finished.record.status == "timed_out"


async def test_a_slot_is_taken_until_the_thread_ends(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(max_concurrent_runs=1, grace_seconds=10) as runs:
        run = await runs.submit("held")
        await until_working(runs, run.run_id)
        assert (await runs.cancel(run.run_id)).is_stopping
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runs.run, order("count"))
            await anyio.wait_all_tasks_blocked()
            assert (runs.gauges()["runs_running"], runs.gauges()["runs_queued"]) == (1, 1)
            assert not (tmp_path / "started").exists()
            (tmp_path / "opened").touch()
    assert (tmp_path / "started").read_text() == "1\n"


async def test_a_run_goes_on_without_its_caller(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(max_concurrent_runs=1) as runs:
        blocking = await runs.submit("sleep", runtime_params={"seconds": 0.3})
        with anyio.move_on_after(0.05):
            await runs.run(order("count"))
        await runs.wait(blocking.run_id)
        with anyio.fail_after(60):
            while {found.status for found in (await runs.list(RunQuery())).runs} != {"success"}:
                await anyio.sleep(0.02)
        assert len((await runs.list(RunQuery())).runs) == 2
    assert (tmp_path / "started").read_text() == "1\n"


async def test_whatever_happens_to_a_run_it_ends_once(dispatcher, store: str) -> None:
    """Deadlines, cancels and ends that race: each run has one last event, and its record says the same."""
    random = Random(1)
    async with dispatcher(store, max_concurrent_runs=4) as runs:
        ordered = []

        async def disturb(run_id: str, seconds: float) -> None:
            await anyio.sleep(seconds)
            await runs.cancel(run_id)

        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                pipeline = random.choice(["wait", "sleep", "calc", "boom"])
                params = {"seconds": random.random() / 50}
                timeout = random.choice([None, 0.005, 0.01])
                run = await runs.submit(pipeline, runtime_params=params, timeout_seconds=timeout)
                ordered.append(run.run_id)
                if random.random() < 0.5:
                    tasks.start_soon(disturb, run.run_id, random.random() / 20)
        for run_id in ordered:
            record = await runs.wait(run_id)
            events = [published.event async for published in runs.follow(run_id)]
            ends = [event for event in events if isinstance(event, RunEnded)]
            assert [(end.status, end.error) for end in ends] == [(record.status, record.error)]
            assert isinstance(events[-1], RunEnded)
        assert runs.gauges()["runs_running"] == runs.gauges()["runs_queued"] == 0


# --- idempotency ---


async def test_the_same_key_is_the_same_run(dispatcher, store: str, tmp_path: Path) -> None:
    async with dispatcher(store) as runs:
        first = await runs.submit("count", key="k")
        again = await runs.submit("count", key="k")
        assert again.run_id == first.run_id
        with pytest.raises(KeyReusedError):
            await runs.submit("calc", key="k")
        await runs.wait(first.run_id)
    assert (tmp_path / "started").read_text() == "1\n"


@pytest.mark.parametrize("other", [None, math.inf, -math.inf])
async def test_a_key_tells_parameters_apart_for_which_json_has_no_number(dispatcher, other: float | None) -> None:
    async with dispatcher() as runs:

        async def accept(x: float | None) -> tuple[str, bool]:
            # As a server does, since Kedro's JSON may have the words NaN and Infinity.
            found, is_new = await runs.accept(msgspec.structs.replace(order("calc", x=x), key="k"), json_bytes=20)
            return found.run_id, is_new

        first, _ = await accept(math.nan)
        assert await accept(math.nan) == (first, False)
        with pytest.raises(KeyReusedError):
            await accept(other)


async def test_a_key_goes_with_half_a_surrogate_pair(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        first = await runs.submit("calc", runtime_params={"note": "\ud800"}, key="k")
        assert (await runs.submit("calc", runtime_params={"note": "\ud800"}, key="k")).run_id == first.run_id


async def test_many_callers_with_one_key_at_a_time_get_one_run(dispatcher, store: str, tmp_path: Path) -> None:
    found = set()

    async def submit(runs: Dispatcher) -> None:
        found.add((await runs.submit("count", key="k")).run_id)

    async with dispatcher(store) as runs:
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(submit, runs)
        await runs.wait(next(iter(found)))
        assert len((await runs.list(RunQuery())).runs) == 1
    assert len(found) == 1
    assert (tmp_path / "started").read_text() == "1\n"


async def test_a_key_is_known_to_the_next_service(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(tmp_path / "runs.db") as runs:
        first = await runs.run(RunOrder(spec=order("calc", outputs=("d",)).spec, key="k"))
    async with dispatcher(tmp_path / "runs.db") as runs:
        again = await runs.run(RunOrder(spec=order("calc", outputs=("d",)).spec, key="k"))
    assert (again.record, again.outputs) == (first.record, first.outputs)


async def test_a_repeated_key_is_answered_when_the_queue_is_full(dispatcher) -> None:
    async with dispatcher(max_concurrent_runs=1, max_queued_runs=0) as runs:
        run = await runs.submit("wait", runtime_params={"seconds": 30}, key="k")
        assert (await runs.submit("wait", runtime_params={"seconds": 30}, key="k")).run_id == run.run_id


# --- events ---


async def test_everything_that_happens_to_a_run_is_an_event(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("sleep", runtime_params={"seconds": 0.01})
        told = [published async for published in runs.follow(run.run_id)]
    names = [type(published.event).__name__ for published in told]
    assert names == [
        "RunQueued",
        "RunStarted",
        "RunPlanned",
        "NodeStarted",
        "LogLine",
        "DatasetSaved",
        "NodeFinished",
        "RunEnded",
    ]
    assert [published.sequence for published in told] == list(range(1, 9))
    assert all(published.run_id == run.run_id for published in told)
    facts = {type(published.event): published.event for published in told}
    assert facts[RunPlanned].nodes == 1
    assert (facts[LogLine].message, facts[LogLine].node) == ("sleeping for 0.01", facts[NodeFinished].node)
    assert facts[DatasetSaved].is_kept is False
    assert facts[NodeFinished].duration_ms >= 10
    assert facts[RunEnded].status == "success"


async def test_what_a_generator_saves_is_one_event(dispatcher) -> None:
    async with dispatcher() as runs:
        run = await runs.submit("items", runtime_params={"count": 50})
        told = [published.event async for published in runs.follow(run.run_id)]
    assert [event.dataset for event in told if isinstance(event, DatasetSaved)] == ["item"]


async def test_following_resumes_after_a_number(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("calc")
        await runs.wait(run.run_id)
        first = [published async for published in runs.follow(run.run_id)]
        rest = [published async for published in runs.follow(run.run_id, after=4)]
        assert rest == first[4:]
        assert [published async for published in runs.follow(run.run_id, after=first[-1].sequence)] == []


async def test_following_after_a_number_that_a_run_never_reaches_ends_with_the_run(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        run = await runs.submit("wait", runtime_params={"seconds": 0.2})
        with anyio.fail_after(20):
            assert [published async for published in runs.follow(run.run_id, after=10**9)] == []


async def test_all_runs_can_be_followed_from_a_position(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs:
        ids = [(await runs.submit("calc")).run_id for _ in range(3)]
        for run_id in ids:
            await runs.wait(run_id)
        told = []
        async with aclosing(runs.follow(position="0")) as following:
            async for published in following:
                told.append(published)
                if len([found for found in told if found.is_last]) == 3:
                    break
        assert {found.run_id for found in told} == set(ids)
        async with aclosing(runs.follow(position=told[4].position)) as following:
            assert await anext(following) == told[5]


async def test_a_follower_that_resumes_at_another_worker_gets_no_event_twice(dispatcher, tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    async with dispatcher(store) as first, dispatcher(store, look_seconds=3600) as second:
        async with aclosing(second.follow(position="0")) as idle, anyio.create_task_group() as tasks:
            # The second worker has a reader, so its feed stays where it is until something wakes it.
            tasks.start_soon(anext, idle, None)
            await until_read_by(second, 1)
            run = await first.submit("calc")
            told = [published async for published in first.follow(run.run_id)]
            async with aclosing(second.follow(position=told[-1].position)) as following:
                run = await first.submit("calc")
                assert (await anext(following)).run_id == run.run_id
            tasks.cancel_scope.cancel()


async def test_a_follower_with_a_position_of_another_store_gets_events_from_now_on(dispatcher, store: str) -> None:
    async with dispatcher(store) as runs, aclosing(runs.follow(position="999999.1")) as following:
        first: list[str] = []

        async def read() -> None:
            first.append((await anext(following)).run_id)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await until_read_by(runs, 1)
                run = await runs.submit("calc")
        assert first == [run.run_id]


async def test_followers_of_all_runs_get_events_from_now_on(dispatcher, store: str) -> None:
    received = []

    async def listen(runs: Dispatcher) -> None:
        async with aclosing(runs.follow()) as following:
            async for published in following:
                received.append(published)
                if published.is_last:
                    return

    async with dispatcher(store) as runs:
        await runs.wait((await runs.submit("calc")).run_id)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen, runs)
            await until_read_by(runs, 1)
            run = await runs.submit("calc")
    assert {published.run_id for published in received} == {run.run_id}


async def test_a_reader_gets_all_events_of_a_group_that_is_larger_than_its_buffer(dispatcher) -> None:
    told = []

    async def listen(runs: Dispatcher) -> None:
        ended = 0
        async with aclosing(runs.follow()) as following:
            async for published in following:
                told.append(published.event)
                ended += published.is_last
                if ended == 20:
                    return

    with anyio.fail_after(60):
        async with dispatcher(max_buffered_events=20, linger_seconds=30) as runs, anyio.create_task_group() as tasks:
            tasks.start_soon(listen, runs)
            await until_read_by(runs, 1)
            for _ in range(20):
                await runs.run(order("calc"))
            # A listing has all runs written at once.
            await runs.list()
    assert "EventsLost" not in {type(event).__name__ for event in told}


async def test_a_slow_reader_loses_events_gets_a_notice_and_delays_no_run(dispatcher) -> None:
    async with dispatcher(max_buffered_events=10, max_log_lines=5000) as runs:
        run = await runs.submit("wait", runtime_params={"seconds": 0.2})
        # From the start: the run may have ended before anybody listens.
        reading = runs.follow(position="0")
        noisy = None
        told = []
        async for published in reading:
            if noisy is None:
                noisy = await runs.submit("lines", runtime_params={"count": 500})
                assert (await runs.wait(noisy.run_id)).status == "success"
                # All of its events are stored, and offered to the reader, which does not read.
                await runs._service.feed._catch_up()
            told.append(published.event)
            if published.is_last and published.run_id == noisy.run_id:
                break
        await reading.aclose()
        assert (await runs.wait(run.run_id)).status == "success"
    lost = [event.count for event in told if type(event).__name__ == "EventsLost"]
    assert sum(lost) > 400
    assert len(told) < 100


async def test_log_lines_are_limited(dispatcher) -> None:
    async with dispatcher(max_log_lines=10) as runs:
        run = await runs.submit("lines", runtime_params={"count": 100})
        lines = [p.event.message async for p in runs.follow(run.run_id) if isinstance(p.event, LogLine)]
    assert lines == [*(f"line {number}" for number in range(9)), "Further lines of this run are not kept."]


async def test_lines_of_concurrent_runs_are_not_mixed(dispatcher) -> None:
    async with dispatcher(max_concurrent_runs=8) as runs:
        ordered = {}
        for number in range(8):
            run = await runs.submit("sleep", runtime_params={"seconds": number / 100}, runner="ThreadRunner")
            ordered[run.run_id] = number / 100
        for run_id, seconds in ordered.items():
            lines = [p.event.message async for p in runs.follow(run_id) if isinstance(p.event, LogLine)]
            assert lines == [f"sleeping for {seconds}"]


async def test_a_frame_is_kept_as_it_is_over_http(make_project) -> None:
    registry = """
    import pandas as pd
    from kedro_asgi.pipeline import Pipeline, node
    def make():
        return pd.DataFrame({"n": [1, 2], "s": ["a", None]})
    def register_pipelines():
        return {"__default__": Pipeline([node(make, None, "frame")])}
    """
    async with AsyncSession.create(make_project(registry)) as session, Dispatcher(session) as runs:
        run = await runs.submit(outputs=["frame"])
        assert (await runs.wait(run.run_id)).status == "success"
        assert json.loads(await runs.output(run.run_id, "frame")) == [{"n": 1, "s": "a"}, {"n": 2, "s": None}]


FRAMES = """
import pandas as pd
from kedro_asgi.pipeline import Pipeline, node

def describe(frame):
    return {"kind": type(frame).__name__, "sum": int(frame["n"].sum())}

def register_pipelines():
    return {"__default__": Pipeline([node(describe, "frame", "description")])}
"""


async def test_a_frame_may_be_an_input_of_every_way_to_run(make_project) -> None:
    entry = "frame: {type: pandas.CSVDataset, filepath: data/frame.csv}\n"
    project = make_project(FRAMES, catalog=entry)
    inputs, outputs = {"frame": pandas.DataFrame({"n": [1, 2]})}, ["description"]
    expected = {"kind": "DataFrame", "sum": 3}
    async with AsyncSession.create(project) as session, Dispatcher(session) as runs:
        assert (await session.run(inputs=inputs, outputs=outputs)).outputs["description"] == expected
        run = await runs.submit(inputs=inputs, outputs=outputs)
        assert (await runs.wait(run.run_id)).status == "success"
        assert json.loads(await runs.output(run.run_id, "description")) == expected
    async with AsyncClient(app=create_http_server(project, store="memory:")) as http:
        assert (await http.run(inputs=inputs, outputs=outputs)).outputs["description"] == expected
        run = await http.submit(inputs=inputs, outputs=outputs)
        assert (await http.wait(run.run_id)).status == "success"
        assert await http.output(run.run_id, "description") == expected


async def test_an_input_without_a_json_form_is_refused_by_name(dispatcher) -> None:
    async with dispatcher() as runs:
        with pytest.raises(UnstorableRunError, match="'s' has no JSON form: .*'builtins.object'"):
            await runs.submit("calc", inputs={"s": object()})
        assert not (await runs.list()).runs


@pytest.mark.parametrize("argument", ["inputs", "params"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "nan is no JSON; None stands for a missing value"),
        ({"deep": [1, -float("inf")]}, r"-inf is no JSON; None stands for a missing value \(at .*\['deep'\]\[1\]\)"),
        ({1: "a", "1": "b"}, "its keys 1 and '1' are the same text in JSON"),
    ],
)
async def test_a_value_that_the_store_would_change_is_refused(dispatcher, argument: str, value, reason: str) -> None:
    async with dispatcher() as runs:
        with pytest.raises(UnstorableRunError, match=reason):
            await runs.submit("calc", **{argument: {"s": value}})
        assert not (await runs.list()).runs


async def test_parameters_have_two_names(dispatcher) -> None:
    async with dispatcher() as runs:
        for given in ({"params": {"a": 3}}, {"runtime_params": {"a": 3}}):
            run = await runs.wait((await runs.submit("calc", outputs=["d"], **given)).run_id)
            assert json.loads(await runs.output(run.run_id, "d")) == 10


# --- looking ---


async def test_unknown_runs_and_outputs_are_errors(dispatcher) -> None:
    async with dispatcher() as runs:
        for look in (runs.read, runs.wait, runs.cancel):
            with pytest.raises(RunNotFoundError, match="There is no run 'nope'"):
                await look("nope")
        run = await runs.submit("wait", runtime_params={"seconds": 30}, outputs=["waited"])
        with pytest.raises(RunNotEndedError):
            await runs.output(run.run_id, "waited")
        done = await runs.wait((await runs.submit("calc", outputs=["d"])).run_id)
        with pytest.raises(OutputNotFoundError, match="keeps no output 's'. It keeps 'd'."):
            await runs.output(done.run_id, "s")


async def test_names_that_databases_refuse_are_unknown_in_every_store(dispatcher, shared_store: str) -> None:
    async with dispatcher(shared_store) as runs:
        with pytest.raises(RunNotFoundError):
            await runs.read("nope\0")
        done = await runs.wait((await runs.submit("calc", outputs=["d"])).run_id)
        with pytest.raises(OutputNotFoundError):
            await runs.output(done.run_id, "d\0")


@pytest.mark.parametrize(
    "wrong", [{"labels": {"team": 1}}, {"timeout_seconds": "long"}, {"on_interrupt": "again"}, {"key": 7}]
)
async def test_an_order_that_cannot_be_read_again_is_refused(dispatcher, wrong: dict) -> None:
    async with dispatcher() as runs:
        with pytest.raises(UnstorableRunError, match=rf"\$\.{next(iter(wrong))}"):
            await runs.submit("calc", **wrong)
        assert not (await runs.list(RunQuery())).runs


# --- closing ---


@pytest.mark.parametrize("in_block", [True, False], ids=["in a block", "without a block"])
async def test_a_service_can_be_closed_by_a_call(dispatcher, tmp_path: Path, in_block: bool) -> None:
    runs = dispatcher(tmp_path / "runs.db", grace_seconds=60)
    await runs.aclose()
    async with runs if in_block else nullcontext():
        run = await runs.submit("calc")
        await runs.aclose()
    assert not runs.gauges()
    assert (await runs.read(run.run_id)).status == "success"
    await runs.aclose()


async def test_a_block_also_closes_the_service_that_a_call_opened_after_the_first_was_closed(dispatcher) -> None:
    async with dispatcher() as runs:
        await runs.submit("calc")
        await runs.aclose()
        assert (await runs.wait((await runs.submit("calc")).run_id)).status == "success"
    assert not runs.gauges()


async def test_a_draining_service_lets_runs_end_and_accepts_no_more(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(grace_seconds=10) as runs:
        run = await runs.submit("held")
        await until_working(runs, run.run_id)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runs.drain)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(DrainingError):
                await runs.submit("calc")
            with pytest.raises(DrainingError):
                await runs.run(order("calc"))
            (tmp_path / "opened").touch()
        assert (await runs.read(run.run_id)).status == "success"


async def test_runs_that_end_during_the_close_are_recorded(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(tmp_path / "runs.db", max_concurrent_runs=1, max_queued_runs=100) as runs:
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(runs.run, order("calc"))
    async with dispatcher(tmp_path / "runs.db") as runs:
        page = await runs.list(RunQuery(limit=100))
        assert [run.status for run in page.runs] == ["success"] * 30


async def test_followers_get_every_end_before_the_service_closes(dispatcher, store: str) -> None:
    told: list[str] = []

    async def listen(runs: Dispatcher) -> None:
        told.extend([p.event.status async for p in runs.follow() if isinstance(p.event, RunEnded)])

    for _ in range(5):
        async with anyio.create_task_group() as tasks, dispatcher(store) as runs:
            tasks.start_soon(listen, runs)
            await until_read_by(runs, 1)
            await runs.submit("wait", runtime_params={"seconds": 30})
            await runs.run(order("calc"))
            await runs.drain()
    assert told == ["success", "cancelled"] * 5


async def test_after_the_grace_runs_are_cancelled_and_recorded(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(tmp_path / "runs.db", grace_seconds=0.1) as runs:
        awaiting = await runs.submit("wait", runtime_params={"seconds": 30})
        blocked = await runs.submit("held")
        await until_working(runs, blocked.run_id)
        started = time.perf_counter()
    assert time.perf_counter() - started < 60
    (tmp_path / "opened").touch()
    async with dispatcher(tmp_path / "runs.db") as runs:
        for run in (awaiting, blocked):
            record = await runs.read(run.run_id)
            assert record.status == "cancelled"
            assert record.error.message == "The server was shut down before the run ended."


async def test_queued_runs_wait_for_the_next_service(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(tmp_path / "runs.db", max_concurrent_runs=1) as runs:
        await runs.submit("wait", runtime_params={"seconds": 30})
        queued = [(await runs.submit("count", runtime_params={"a": n})).run_id for n in range(5)]
    assert not (tmp_path / "started").exists()
    async with dispatcher(tmp_path / "runs.db", max_concurrent_runs=1) as runs:
        for run_id in queued:
            assert (await runs.wait(run_id)).status == "success"
            sequences = [published.sequence async for published in runs.follow(run_id)]
            assert sequences == list(range(1, len(sequences) + 1))
    assert (tmp_path / "started").read_text() == "0\n1\n2\n3\n4\n"


async def test_old_runs_are_deleted(dispatcher, tmp_path: Path) -> None:
    async with dispatcher(tmp_path / "runs.db", keep_runs=5) as runs:
        for _ in range(12):
            await runs.run(order("calc"))
        await runs._service.recorder.flush()
        await runs._service.old_runs.forget()
        assert len((await runs.list(RunQuery())).runs) == 5


async def test_a_thread_that_does_not_stop_is_told(dispatcher, tmp_path: Path, caplog) -> None:
    async with dispatcher(max_concurrent_runs=1, stop_patience_seconds=0.01) as runs:
        run = await runs.submit("held")
        await until_working(runs, run.run_id)
        assert (runs.gauges()["runs_stopping"], runs.is_stuck) == (0, False)
        await runs.cancel(run.run_id)
        assert runs.gauges()["runs_stopping"] == 1
        with anyio.fail_after(60):
            while not runs.is_stuck:
                await anyio.sleep(0.005)
        await runs.cancel(run.run_id)
        (tmp_path / "opened").touch()
        assert (await runs.wait(run.run_id)).status == "cancelled"
        assert (runs.gauges()["runs_stopping"], runs.is_stuck) == (0, False)
    lines = [line.getMessage() for line in caplog.records if "goes on" in line.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith(f"Run {run.run_id} was asked to stop 0.01 seconds ago and goes on")
