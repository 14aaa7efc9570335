"""Nodes and runs that are tried again: configuration, record, events, and what ends a wait."""

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.errors import ProjectError
from kedro_asgi.events import NodeRetried, NodeStarted, RunEvent
from kedro_asgi.session import AsyncSession, KedroServiceSession

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
        await until_event(runs, run.run_id, NodeRetried)
        waiting = await runs.read(run.run_id)
        assert (waiting.status, waiting.retry_count) == ("running", 1)
        await runs.cancel(run.run_id)
        record = await runs.wait(run.run_id)
    assert (record.status, record.retry_count, record.retried[0].node) == ("cancelled", 1, "flaky")


def test_a_session_tries_nodes_again(make_flaky: MakeFlaky) -> None:
    session = KedroServiceSession.create(project_path=make_flaky("default.node = {retries = 2, delay_seconds = 0}"))
    assert session.run()["third"].load() == 5


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
