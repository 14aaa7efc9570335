"""Runs that repeat others: as a whole, or what a run has left undone."""

import json
from contextlib import aclosing
from pathlib import Path

import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.run_request import describe_request, read_request
from kedro_asgi.errors import (
    KeyReusedError,
    NothingToResumeError,
    OrderNotKeptError,
    RunNotEndedError,
    RunNotFoundError,
)
from kedro_asgi.events import NodeStarted
from kedro_asgi.runs import RunOrder, RunRecord, RunSpec
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

REGISTRY = """
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def once(x, y):
    if not Path("{folder}/mended").exists():
        raise ConnectionError("it is down")
    return x + y

def double(x):
    return 2 * x

def register_pipelines():
    chain = [
        node(double, "given", "kept", name="keep"),
        node(double, "kept", "lost", name="lose"),
        node(double, "kept", "beside", name="beside"),
        node(once, ["lost", "params:a"], "sum", name="once"),
        node(double, "sum", "end", name="last"),
    ]
    start = [node(once, ["given", "params:a"], "kept", name="once"), node(double, "kept", "end", name="last")]
    formats = [
        node(double, "given", "table@written", name="keep"),
        node(once, ["table@read", "params:a"], "sum", name="once"),
        node(double, "sum", "end", name="last"),
    ]
    pipelines = {"chain": chain, "start": start, "formats": formats}
    return {"__default__": Pipeline([]), **{name: Pipeline(nodes) for name, nodes in pipelines.items()}}
"""
CATALOG = """
given: {type: json.JSONDataset, filepath: data/given.json}
kept: {type: json.JSONDataset, filepath: data/kept.json}
beside: {type: json.JSONDataset, filepath: data/beside.json}
table@written: {type: json.JSONDataset, filepath: data/table.json, versioned: true}
table@read: {type: json.JSONDataset, filepath: data/table.json, versioned: true}
"""


@pytest.fixture
def project(make_project, tmp_path: Path) -> Path:
    folder = make_project(REGISTRY.replace("{folder}", str(tmp_path)), catalog=CATALOG)
    (folder / "data").mkdir()
    (folder / "data/given.json").write_text("3")
    return folder


def dispatcher_of(project: Path, store: str = "memory:", **policy: int) -> Dispatcher:
    session = AsyncSession.create(project_path=project)
    return Dispatcher(session, store=store, policy=Policy(grace_seconds=0.1, **policy))


def mend(tmp_path: Path) -> None:
    (tmp_path / "mended").touch()


async def started_by(runs: Dispatcher, record: RunRecord) -> list[str]:
    async with aclosing(runs.follow(record.run_id)) as published:
        return [found.event.node async for found in published if isinstance(found.event, NodeStarted)]


async def failed(runs: Dispatcher, pipeline: str = "chain", **arguments: object) -> RunRecord:
    record = await runs.wait((await runs.submit(pipeline, **arguments)).run_id)
    assert record.status == "failure"
    return record


async def test_a_run_is_repeated_with_its_order(project: Path, store: str, tmp_path: Path) -> None:
    async with dispatcher_of(project, store) as runs:
        first = await failed(
            runs, params={"a": 5}, inputs={"given": 10}, outputs=["end"], labels={"team": "ml"}, timeout_seconds=60
        )
        mend(tmp_path)
        again, is_new = await runs.rerun(first.run_id)
        assert is_new
        record = await runs.wait(again.run_id)
        assert (record.status, record.rerun_of) == ("success", first.run_id)
        assert (record.labels, record.timeout_seconds) == ({"team": "ml"}, 60)
        assert json.loads(await runs.output(record.run_id, "end")) == 90
        assert len(await started_by(runs, record)) == 5


async def test_only_what_failed_and_what_follows_runs_again(project: Path, store: str, tmp_path: Path) -> None:
    async with dispatcher_of(project, store) as runs:
        first = await failed(runs, params={"a": 5}, inputs={"given": 10}, outputs=["beside", "end"])
        assert set(first.error.resume_from) <= {"lose", "beside"}
        mend(tmp_path)
        record = await runs.wait((await runs.rerun(first.run_id, from_failure=True))[0].run_id)
        assert (record.status, record.rerun_of) == ("success", first.run_id)
        started = await started_by(runs, record)
        # What "once" takes from memory is made again, of what the first run has saved.
        assert [name for name in started if name != "beside"] == ["lose", "once", "last"]
        assert json.loads(await runs.output(record.run_id, "end")) == 90


async def test_a_run_without_a_promise_is_repeated_by_its_record(project: Path, tmp_path: Path) -> None:
    async with dispatcher_of(project) as runs:
        spec = RunSpec.of(["chain"], params={"a": 7, "b": [1.5, None, "x y"]}, outputs=["end"])
        first = (await runs.run(RunOrder(spec=spec))).record
        mend(tmp_path)
        record = await runs.wait((await runs.rerun(first.run_id, from_failure=True))[0].run_id)
        assert record.status == "success"
        assert json.loads(await runs.output(record.run_id, "end")) == 38


async def test_a_version_that_the_run_has_saved_is_loaded(project: Path, tmp_path: Path) -> None:
    catalog = project / "conf/base/catalog.yml"
    catalog.write_text(CATALOG.replace("data/kept.json", "data/kept.json, versioned: true"))
    async with dispatcher_of(project) as runs:
        first = await failed(runs, inputs={"given": 10}, outputs=["end"])
        # Another run saves a later version.
        await failed(runs, inputs={"given": 1000})
        mend(tmp_path)
        record = await runs.wait((await runs.rerun(first.run_id, from_failure=True))[0].run_id)
        assert json.loads(await runs.output(record.run_id, "end")) == 82
        assert record.request["load_versions"] == {"kept": first.run_id}


async def test_a_version_is_loaded_in_another_format_than_it_was_saved_in(project: Path, tmp_path: Path) -> None:
    async with dispatcher_of(project) as runs:
        first = await failed(runs, "formats", inputs={"given": 10}, outputs=["end"])
        # Another run saves a later version.
        await failed(runs, "formats", inputs={"given": 1000})
        mend(tmp_path)
        record = await runs.wait((await runs.rerun(first.run_id, from_failure=True))[0].run_id)
        assert record.request["load_versions"] == {"table@read": first.run_id}
        assert json.loads(await runs.output(record.run_id, "end")) == 42


@pytest.mark.parametrize(
    ("make_unusable", "reason"),
    [
        (lambda project: (project / "data/kept.json").unlink(), "all nodes would run again"),
        (lambda project: (project / "conf/base/catalog.yml").write_text("given: {type: nothing}"), "nothing"),
    ],
)
async def test_what_is_not_there_any_more_is_not_used(project: Path, make_unusable, reason: str) -> None:
    async with dispatcher_of(project) as runs:
        first = await failed(runs)
        make_unusable(project)
        if reason == "nothing":
            await runs._session.aclose()
        with pytest.raises(NothingToResumeError, match=reason):
            await runs.rerun(first.run_id, from_failure=True)


async def test_a_run_that_has_saved_nothing_says_so(project: Path) -> None:
    async with dispatcher_of(project) as runs:
        first = await failed(runs, "start")
        with pytest.raises(NothingToResumeError, match="saved nothing"):
            await runs.rerun(first.run_id, from_failure=True)


async def test_a_run_that_succeeded_has_nothing_to_resume(project: Path, tmp_path: Path) -> None:
    mend(tmp_path)
    async with dispatcher_of(project) as runs:
        first = await runs.wait((await runs.submit("chain")).run_id)
        with pytest.raises(NothingToResumeError, match="it has succeeded"):
            await runs.rerun(first.run_id, from_failure=True)
        assert (await runs.wait((await runs.rerun(first.run_id))[0].run_id)).status == "success"


async def test_a_run_that_goes_on_is_not_repeated(project: Path) -> None:
    async with dispatcher_of(project) as runs:
        later = {"node": {"retries": 1, "delay_seconds": 86400, "max_delay_seconds": 86400}}
        run = await runs.submit("chain", retries=later)
        with pytest.raises(RunNotEndedError, match="it can be repeated when it has ended"):
            await runs.rerun(run.run_id)
        await runs.cancel(run.run_id)


async def test_an_unknown_run_is_not_repeated(project: Path) -> None:
    async with dispatcher_of(project) as runs:
        with pytest.raises(RunNotFoundError):
            await runs.rerun("2026-11-21T00.18.19.983Z-00009f3c2a7b1d")


async def test_an_order_that_is_not_kept_is_not_guessed(project: Path) -> None:
    async with dispatcher_of(project) as runs:
        large = await failed(runs, inputs={"given": [1] * 50_000})
        unpromised = (await runs.run(RunOrder(spec=RunSpec.of(["chain"], params={"password": "x"})))).record
        for run_id in (large.run_id, unpromised.run_id):
            with pytest.raises(OrderNotKeptError):
                await runs.rerun(run_id)


async def test_a_store_may_keep_no_orders(project: Path) -> None:
    async with dispatcher_of(project, keep_order_bytes=0) as runs:
        first = await failed(runs, inputs={"given": 1})
        with pytest.raises(OrderNotKeptError):
            await runs.rerun(first.run_id)
        # Its record has left nothing out.
        again, _ = await runs.rerun((await failed(runs, params={"a": 2})).run_id)
        assert again.request["params"] == {"a": 2}


async def test_the_same_key_is_the_same_rerun(project: Path) -> None:
    async with dispatcher_of(project) as runs:
        first = await failed(runs)
        again, is_new = await runs.rerun(first.run_id, from_failure=True, key="k")
        same, is_newer = await runs.rerun(first.run_id, from_failure=True, key="k")
        assert (again.run_id, is_new, is_newer) == (same.run_id, True, False)
        with pytest.raises(KeyReusedError):
            await runs.rerun(first.run_id, key="k")


@pytest.mark.parametrize(
    "spec",
    [
        RunSpec(outputs=()),
        RunSpec.of(["a", "b"], outputs=(), tags=["t"], params={"x": {"y": [1, 2.5, True, None, "text, with: signs/"]}}),
        RunSpec.of(
            outputs=(), runner="ThreadRunner", is_async=True, only_missing_outputs=True, load_versions={"d": "v"}
        ),
        RunSpec.of(outputs=["o"], retries={"node": {"retries": 2}, "run": {"retries": 1, "errors": ["OSError"]}}),
    ],
)
def test_a_record_that_leaves_nothing_out_is_the_order(spec: RunSpec) -> None:
    described = json.loads(json.dumps(describe_request(spec)))
    assert read_request(described) == spec


@pytest.mark.parametrize(
    "params",
    [
        {"api_key": "x"},
        {"url": "s3://user:pw@bucket"},
        {"x": float("nan")},
        {"x": "y" * 10_000},
        {"x": object()},
        {"x": "\udc80"},
        {f"k{number}": "value" * 10 for number in range(1000)},
    ],
)
def test_a_record_that_leaves_something_out_is_no_order(params: dict[str, object]) -> None:
    assert read_request(describe_request(RunSpec(runtime_params=params))) is None
    assert read_request(describe_request(RunSpec(inputs={"a": 1}))) is None
