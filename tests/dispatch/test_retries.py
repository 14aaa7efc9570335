"""Nodes and runs that are tried again: configuration, record, events, and what ends a wait."""

import sqlite3
from collections.abc import Callable
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from kedro_asgi.client import AsyncClient
from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.errors import OutOfRangeError, ProjectError
from kedro_asgi.events import NodeRetried, NodeStarted, RunEvent, RunRetried
from kedro_asgi.runs import RunOrder, RunRecord, RunSpec
from kedro_asgi.session import AsyncSession, KedroServiceSession, KedroSession

pytestmark = pytest.mark.anyio

FLAKY = """
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def flaky(failures):
    with open("{folder}/calls", "a") as file:
        file.write("x")
    call = len(Path("{folder}/calls").read_text())
    if call <= failures:
        raise ConnectionError(f"call {call}")
    return call

def double(x):
    return 2 * x

def register_pipelines():
    nodes = [
        node(double, "params:a", "first", name="before"),
        node(flaky, "params:failures", "second", name="flaky", tags="remote"),
        node(lambda x, y: x + y, ["first", "second"], "third", name="after"),
    ]
    return {"__default__": Pipeline(nodes), "flaky": Pipeline(nodes), "other": Pipeline(nodes)}
"""
CATALOG = "first: {type: json.JSONDataset, filepath: data/first.json}\n"
# No test waits for it.
LONG = "delay_seconds = 86400, max_delay_seconds = 86400"

MakeFlaky = Callable[..., Path]


@pytest.fixture
def make_flaky(make_project, tmp_path: Path) -> MakeFlaky:
    """Return a function that writes a project whose node fails twice, with lines of ``[tool.kedro-asgi.retries]``."""

    def make(retries: str = "", *, failures: int = 2) -> Path:
        folder = make_project(
            FLAKY.replace("{folder}", str(tmp_path)), catalog=CATALOG, parameters=f"a: 1\nfailures: {failures}\n"
        )
        if retries:
            with (folder / "pyproject.toml").open("a") as file:
                file.write(f"[tool.kedro-asgi.retries]\n{retries}\n")
        return folder

    return make


def dispatcher_of(project: Path, store: str = "memory:", **policy: object) -> Dispatcher:
    session = AsyncSession.create(project_path=project)
    return Dispatcher(session, store=store, policy=Policy(**{"grace_seconds": 0.1, **policy}))


async def events_of(runs: Dispatcher, run_id: str) -> list[RunEvent]:
    async with aclosing(runs.follow(run_id)) as published:
        return [found.event async for found in published]


async def until_event(runs: Dispatcher, run_id: str, kind: type[RunEvent]) -> None:
    with anyio.fail_after(60):
        async with aclosing(runs.follow(run_id)) as published:
            async for found in published:
                if isinstance(found.event, kind):
                    return


# --- nodes ---


@pytest.mark.parametrize(
    "retries",
    [
        "default.node = {retries = 2, delay_seconds = 0}",
        "pipelines.flaky.node = {retries = 2, delay_seconds = 0}",
        "tags.remote = {retries = 2, delay_seconds = 0, errors = ['ConnectionError']}",
        "tags.remote = {retries = 2, delay_seconds = 0}\ndefault.node = {retries = 0}",
        "pipelines.flaky.node = {retries = 2, delay_seconds = 0}\npipelines.other.node = {retries = 0}",
    ],
)
async def test_a_project_says_which_nodes_are_tried_again(make_flaky: MakeFlaky, retries: str) -> None:
    async with dispatcher_of(make_flaky(retries)) as runs:
        run = await runs.submit("flaky")
        record = await runs.wait(run.run_id)
        assert (record.status, record.retry_count) == ("success", 2)
        assert [(found.node, found.attempt, found.error.message) for found in record.retried] == [
            ("flaky", 1, "call 1"),
            ("flaky", 2, "call 2"),
        ]
        events = await events_of(runs, run.run_id)
        assert [event.attempt for event in events if isinstance(event, NodeRetried)] == [1, 2]
        assert [event.node for event in events if isinstance(event, NodeStarted)] == [
            "before",
            *["flaky"] * 3,
            "after",
        ]
        (node,) = [found for found in await runs.node_runs(run.run_id) if found.node == "flaky"]
        assert (node.state, len(node.failed_attempts)) == ("success", 2)
        assert node.first_started_at < node.started_at


async def test_other_pipelines_and_tags_have_one_attempt(make_flaky: MakeFlaky) -> None:
    retries = "pipelines.other.node = {retries = 2, delay_seconds = 0}\ntags.elsewhere = {retries = 2}"
    async with dispatcher_of(make_flaky(retries)) as runs:
        record = await runs.wait((await runs.submit("flaky")).run_id)
    assert (record.status, record.retry_count, record.retried) == ("failure", 0, ())


async def test_a_cancel_ends_the_wait_of_a_node(make_flaky: MakeFlaky, store: str) -> None:
    async with dispatcher_of(make_flaky(f"default.node = {{retries = 2, {LONG}}}"), store) as runs:
        run = await runs.submit("flaky")
        # The event may be told a moment before the record has it.
        with anyio.fail_after(60):
            while not (waiting := await runs.read(run.run_id)).retry_count:
                await anyio.sleep(0.01)
        assert (waiting.status, waiting.retry_count) == ("running", 1)
        await runs.cancel(run.run_id)
        record = await runs.wait(run.run_id)
    assert (record.status, record.retry_count, record.retried[0].node) == ("cancelled", 1, "flaky")


async def test_a_drain_does_not_wait_for_a_node_that_waits_for_longer(make_flaky: MakeFlaky) -> None:
    async with dispatcher_of(make_flaky(f"default.node = {{retries = 2, {LONG}}}"), grace_seconds=3600) as runs:
        run = await runs.submit("flaky")
        await until_event(runs, run.run_id, NodeRetried)
        with anyio.fail_after(60):
            await runs.drain()
        record = await runs.read(run.run_id)
    assert (record.status, record.error.message) == ("cancelled", "The server was shut down before the run ended.")


def test_a_session_tries_nodes_again(make_flaky: MakeFlaky) -> None:
    session = KedroServiceSession.create(project_path=make_flaky("default.node = {retries = 2, delay_seconds = 0}"))
    assert session.run()["third"].load() == 5


# --- runs ---


AT_ONCE = {"run": {"retries": 2, "delay_seconds": 0}}
LATER = {"run": {"retries": 2, "delay_seconds": 86400, "max_delay_seconds": 86400}}


@pytest.mark.parametrize("by_project", [False, True])
async def test_a_run_is_tried_again(make_flaky: MakeFlaky, store: str, by_project: bool) -> None:
    retries = "pipelines.flaky.run = {retries = 2, delay_seconds = 0}" if by_project else ""
    async with dispatcher_of(make_flaky(retries), store) as runs:
        run = await runs.submit("flaky", outputs=["third"], **({} if by_project else {"retries": AT_ONCE}))
        record = await runs.wait(run.run_id)
        assert (record.status, record.run_attempt, record.retry_count) == ("success", 3, 2)
        assert [(found.node, found.attempt, found.error.message) for found in record.retried] == [
            (None, 1, "call 1"),
            (None, 2, "call 2"),
        ]
        assert record.next_attempt_at is None
        assert record.created_at <= record.started_at <= record.retried[0].at
        events = [type(event).__name__ for event in await events_of(runs, run.run_id)]
        assert [name for name in events if name.startswith("Run")] == [
            "RunQueued",
            *["RunStarted", "RunPlanned", "RunRetried"] * 2,
            *["RunStarted", "RunPlanned", "RunEnded"],
        ]
        assert await runs.output(run.run_id, "third") == b"5"
        assert record.saved == ("first",)
        assert [(node.node, node.state) for node in await runs.node_runs(run.run_id)] == [
            (name, "success") for name in ("before", "flaky", "after")
        ]
        assert runs.metrics.totals()["kedro_asgi_attempts_retried_total"][("run",)] == [2.0]


async def test_a_caller_that_waits_gets_the_end_of_the_last_attempt(make_flaky: MakeFlaky) -> None:
    async with dispatcher_of(make_flaky(failures=9)) as runs:
        spec = RunSpec.of(["flaky"], retries=AT_ONCE, outputs=["third"])
        finished = await runs.run(RunOrder(spec=spec))
    assert (finished.record.status, finished.record.run_attempt) == ("failure", 3)
    assert finished.record.error.message == "call 3"


async def test_a_waiting_run_gives_its_slot_to_others(make_flaky: MakeFlaky, store: str) -> None:
    async with dispatcher_of(make_flaky(failures=1), store, max_concurrent_runs=1) as runs:
        waiting = await runs.submit("flaky", retries=LATER)
        await until_event(runs, waiting.run_id, RunRetried)
        other = await runs.wait((await runs.submit("other")).run_id)
        assert other.status == "success"
        record = await runs.read(waiting.run_id)
        assert (record.status, record.run_attempt) == ("queued", 2)
        assert record.next_attempt_at - record.retried[0].at == timedelta(seconds=record.retried[0].delay_seconds)
        assert runs.gauges()["runs_waiting_for_attempt"] == 1
        await runs.cancel(waiting.run_id)
        assert (await runs.wait(waiting.run_id)).status == "cancelled"
        assert runs.gauges()["runs_waiting_for_attempt"] == 0


async def test_the_time_limit_of_a_run_goes_on_while_it_waits(make_flaky: MakeFlaky) -> None:
    async with dispatcher_of(make_flaky()) as runs:
        run = await runs.submit("flaky", retries=LATER, timeout_seconds=3600)
        await until_event(runs, run.run_id, RunRetried)
        service = runs._service
        assert service.scheduler.deadlines.is_watched(service.runs[run.run_id])
        # The hour is over.
        service.scheduler.deadlines.watch(service.runs[run.run_id], 0)
        record = await runs.wait(run.run_id)
    assert (record.status, record.run_attempt) == ("timed_out", 2)


async def test_a_drain_leaves_a_waiting_run_to_the_next_server(make_flaky: MakeFlaky, tmp_path: Path) -> None:
    project, store = make_flaky(failures=1), str(tmp_path / "runs.db")
    async with dispatcher_of(project, store, grace_seconds=60) as runs:
        run = await runs.submit("flaky", retries=LATER, timeout_seconds=7200)
        await until_event(runs, run.run_id, RunRetried)
    async with dispatcher_of(project, store) as runs:
        with anyio.fail_after(60):
            while not (record := await runs.read(run.run_id)).retried or not runs.gauges()["runs_waiting_for_attempt"]:
                await anyio.sleep(0.01)
        assert (record.status, record.run_attempt) == ("queued", 2)
        assert record.next_attempt_at > record.created_at + timedelta(hours=1)
        service = runs._service
        assert service.scheduler.deadlines.is_watched(service.runs[run.run_id])
        assert 7000 < service.runs[run.run_id].remaining_seconds < 7200


async def test_a_drain_leaves_a_waiting_run_to_others_at_once(make_flaky: MakeFlaky, tmp_path: Path) -> None:
    async with dispatcher_of(make_flaky(), str(tmp_path / "runs.db")) as runs:
        run_id = (await runs.submit("flaky", retries=LATER)).run_id
        await until_event(runs, run_id, RunRetried)
        owned = runs._service.runs
        with anyio.fail_after(60):
            while owned[run_id].stored != "queued":
                await anyio.sleep(0.001)
        # The drain gives the rows of these back before it waits for the runs that go on.
        assert owned.stop_admitting() == [run_id]


async def test_a_drain_ends_a_waiting_run_that_no_server_can_go_on_with(make_flaky: MakeFlaky) -> None:
    spec = RunSpec.of(["flaky"], retries=LATER)
    async with dispatcher_of(make_flaky(), grace_seconds=60) as runs, anyio.create_task_group() as tasks:
        found: list[RunRecord] = []

        async def run() -> None:
            found.append((await runs.run(RunOrder(spec=spec))).record)

        tasks.start_soon(run)
        with anyio.fail_after(60):
            while not runs.gauges()["runs_waiting_for_attempt"]:
                await anyio.sleep(0.001)
        await runs.drain()
    assert [(record.status, record.run_attempt) for record in found] == [("cancelled", 2)]


async def test_each_attempt_saves_a_version_of_its_own(make_project, tmp_path: Path) -> None:
    project = make_project(
        FLAKY.replace("{folder}", str(tmp_path)),
        catalog=CATALOG.replace("data/first.json", "data/first.json, versioned: true"),
        parameters="a: 1\nfailures: 1\n",
    )
    async with dispatcher_of(project) as runs:
        record = await runs.wait((await runs.submit("flaky", retries=AT_ONCE)).run_id)
    assert record.status == "success"
    versions = sorted(path.name for path in (project / "data/first.json").iterdir())
    assert versions == [record.run_id, f"{record.run_id}.2"]


@pytest.mark.parametrize(
    ("pipeline", "params", "message"),
    [("missing", {}, "missing"), ("flaky", {"failures": "x"}, "")],
)
async def test_a_wrong_request_is_not_tried_again(
    make_flaky: MakeFlaky, pipeline: str, params: dict[str, object], message: str
) -> None:
    policy = {"retries": 2, "delay_seconds": 0, "errors": ["KeyError", "LookupError", "ValueError", "KedroAsgiError"]}
    async with dispatcher_of(make_flaky()) as runs:
        record = await runs.wait((await runs.submit(pipeline, params=params, retries={"run": policy})).run_id)
    assert (record.status, record.run_attempt) == ("failure", 1)
    assert message in record.error.message


def test_a_session_tries_a_run_again(make_flaky: MakeFlaky) -> None:
    session = KedroServiceSession.create(project_path=make_flaky())
    assert session.run(retries=AT_ONCE)["third"].load() == 5


async def test_an_async_session_tries_a_run_again(make_flaky: MakeFlaky) -> None:
    result = await AsyncSession.create(project_path=make_flaky()).run(retries=AT_ONCE)
    assert result.outputs == {"third": 5}


def test_a_session_for_one_run_tries_it_again(make_flaky: MakeFlaky) -> None:
    with KedroSession.create(project_path=make_flaky()) as session:
        assert session.run(retries=AT_ONCE)["third"].load() == 5


@pytest.mark.parametrize(
    "retries", [{"node": {"retries": 101}}, {"nodes": {}}, 3, {"run": {"retries": 1, "errors": "x"}}]
)
async def test_retries_out_of_their_range_are_refused(make_flaky: MakeFlaky, retries: object) -> None:
    async with dispatcher_of(make_flaky()) as runs:
        with pytest.raises(OutOfRangeError, match="retries: "):
            await runs.submit("flaky", retries=retries)


@pytest.mark.slow
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_killed_server_loses_no_attempt(make_flaky: MakeFlaky, start, tmp_path: Path) -> None:
    project = make_flaky(failures=1)
    server = await anyio.to_thread.run_sync(start, "kedro_asgi", "serve", project, "--store", tmp_path / "runs.db")
    async with AsyncClient(server.url) as client:
        run = await client.submit("flaky", retries=LATER)
        # The server answers that the attempt has failed a moment before that is on disk.
        with closing(sqlite3.connect(tmp_path / "runs.db")) as connection, anyio.fail_after(60):
            while not connection.execute(
                "SELECT 1 FROM runs WHERE CAST(record AS TEXT) LIKE '%\"run_attempt\":2%'"
            ).fetchone():
                await anyio.sleep(0.01)
        waiting = await client.read(run.run_id)
        server.kill()
        await anyio.to_thread.run_sync(server.restart)
        record = await client.read(run.run_id)
        assert (record.status, record.run_attempt, record.retried) == ("queued", 2, waiting.retried)
        assert record.next_attempt_at == waiting.next_attempt_at
        assert (await client.cancel(run.run_id)).status == "cancelled"
        kinds = [type(event).__name__ async for event in client.events(run.run_id)]
        assert [kind for kind in kinds if kind.startswith("Run")] == [
            *("RunQueued", "RunStarted", "RunPlanned", "RunRetried", "RunEnded")
        ]


# --- options ---


@pytest.mark.parametrize(
    ("retries", "problem"),
    [
        ("default.node = {retries = -1}", r"Expected `int` >= 0 - at `\$.retries.default.node.retries`"),
        ("default.node = {retries = 101}", "Expected `int` <= 100"),
        ("default.node = {delay_seconds = 1}", "missing required field `retries`"),
        ("default.node = {retries = 1, delay_seconds = 1e9}", "Expected `float` <= 86400"),
        ("default.node = {retries = 1, backoff = 0.5}", "Expected `float` >= 1"),
        ("default.node = {retries = 1, jitter = nan}", "Expected `float`"),
        ("default.node = {retries = 1, errors = ['a b']}", "matching regex"),
        ("default.node = {retries = 1, errors = []}", "of length >= 1"),
        ("default.nodes = {retries = 1}", "unknown field `nodes`"),
        ("tags.remote.node = {retries = 1}", "missing required field `retries`|unknown field `node`"),
    ],
)
def test_wrong_options_say_what_is_wrong(make_flaky: MakeFlaky, retries: str, problem: str) -> None:
    with pytest.raises(ProjectError, match=problem):
        KedroServiceSession.create(project_path=make_flaky(retries))
