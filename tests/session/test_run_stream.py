"""`AsyncSession.stream`: chunks of generator nodes while the run goes on, under asyncio and trio."""

from pathlib import Path

import anyio
import pytest

from kedro_asgi.errors import NodeNotFoundError
from kedro_asgi.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.session import AsyncSession

pytestmark = pytest.mark.anyio

REGISTRY = """
import anyio
from kedro_asgi.pipeline import Pipeline, node

STATE = {"yielded": 0, "closed": 0, "calls": 0}

def words(count):
    for number in range(count):
        yield f"word {number} "

async def words_later(count):
    for number in range(count):
        await anyio.sleep(0)
        yield f"word {number} "

def endless(count):
    try:
        while True:
            STATE["yielded"] += 1
            yield STATE["yielded"]
    finally:
        STATE["closed"] += 1

async def waits(count):
    try:
        yield 1
        await anyio.sleep_forever()
    finally:
        STATE["closed"] += 1

def breaks(count):
    STATE["calls"] += 1
    yield count
    raise ValueError("broken")

def pairs(count):
    for number in range(count):
        yield number, -number

def register_pipelines():
    return {
        "__default__": Pipeline([
            node(words, "params:count", "words", name="words"),
            node(pairs, "params:count", ["up", "down"], name="pairs"),
        ]),
        "words": Pipeline([node(words, "params:count", "words", name="words")]),
        "later": Pipeline([node(words_later, "params:count", "words", name="words")]),
        "used": Pipeline([
            node(words, "params:count", "words", name="words"), node(str.upper, "words", "shouted", name="shout")
        ]),
        "endless": Pipeline([node(endless, "params:count", "numbers", name="endless")]),
        "waits": Pipeline([node(waits, "params:count", "numbers", name="waits")]),
        "breaks": Pipeline([node(breaks, "params:count", "numbers", name="breaks")]),
        "plain": Pipeline([node(str, "params:count", "text", name="plain")]),
    }
"""
WORDS = ["word 0 ", "word 1 ", "word 2 "]


@pytest.fixture
def project(make_project) -> Path:
    return make_project(REGISTRY, parameters="count: 3\n")


@pytest.fixture
async def session(project: Path):
    async with AsyncSession.create(project_path=project) as session:
        yield session


def state(session: AsyncSession) -> dict[str, int]:
    """What the nodes of the project note."""
    pipeline = session.prepared.engine.planner.project.pipelines.load()["endless"]
    return pipeline.nodes[0].func.__globals__["STATE"]


async def until(session: AsyncSession, name: str, count: int) -> None:
    with anyio.fail_after(60):
        while state(session)[name] != count:
            await anyio.sleep(0.001)


@pytest.mark.parametrize("pipeline", ["words", "later"])
@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner])
async def test_chunks_come_one_by_one_then_the_result(
    session: AsyncSession, pipeline: str, runner: type[AbstractRunner]
) -> None:
    stream = session.stream([pipeline], runner=runner(), run_id="mine")
    with pytest.raises(RuntimeError, match="The run has not ended"):
        _ = stream.result
    assert [(chunk.output, chunk.value) async for chunk in stream] == [("words", text) for text in WORDS]
    assert (stream.result.run_id, stream.result.outputs) == ("mine", {"words": WORDS[-1]})


@pytest.mark.slow
async def test_chunks_come_from_other_processes(project: Path) -> None:
    async with AsyncSession.create(project_path=project) as session:
        stream = session.stream(["words"], runner=ParallelRunner(max_workers=1))
        assert [chunk.value async for chunk in stream] == WORDS


async def test_several_generators_share_a_stream(session: AsyncSession) -> None:
    stream = session.stream(runner=ThreadRunner())
    chunks = [(chunk.output, chunk.value) async for chunk in stream]
    assert [value for name, value in chunks if name == "words"] == WORDS
    assert [found for found in chunks if found[0] != "words"] == [
        ("up", 0),
        ("down", 0),
        ("up", 1),
        ("down", -1),
        ("up", 2),
        ("down", -2),
    ]


async def test_only_wanted_outputs_are_streamed(session: AsyncSession) -> None:
    """Without names, those are the free outputs; an output that a node needs has to be named."""
    assert [chunk.output async for chunk in session.stream(outputs=["down"])] == ["down"] * 3
    assert [chunk.output async for chunk in session.stream(["used"])] == []
    stream = session.stream(["used"], outputs=["words", "shouted"])
    assert [chunk.value async for chunk in stream] == WORDS
    assert stream.result.outputs == {"words": WORDS[-1], "shouted": "WORD 2 "}


async def test_a_run_without_generators_has_only_a_result(session: AsyncSession) -> None:
    stream = session.stream(["plain"])
    assert [chunk async for chunk in stream] == []
    assert stream.result.outputs == {"text": "3"}


async def test_an_error_follows_the_chunks_before_it_and_the_run_is_not_tried_again(
    session: AsyncSession, caplog: pytest.LogCaptureFixture
) -> None:
    stream = session.stream(["breaks"], retries={"run": {"retries": 2}})
    assert (await anext(stream)).value == 3
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)
    assert state(session)["calls"] == 1
    assert "The run is not tried again: its reader has chunks of it" in caplog.text
    with pytest.raises(ValueError, match="broken"):
        _ = stream.result


async def test_an_error_before_the_run_is_raised(session: AsyncSession) -> None:
    with pytest.raises(NodeNotFoundError):
        await anext(session.stream(["words"], node_names=["nothing"]))


async def test_a_reader_that_leaves_cancels_the_run_and_closes_its_generator(session: AsyncSession) -> None:
    for number, pipeline in enumerate(("endless", "waits"), 1):
        async with session.stream([pipeline]) as stream:
            async for chunk in stream:
                assert chunk.value == 1
                break
        await until(session, "closed", number)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_iteration_that_is_dropped_cancels_the_run(session: AsyncSession) -> None:
    """Trio does so, too, with a warning that recommends ``async with``."""
    async for _ in session.stream(["endless"]):
        break
    await until(session, "closed", 1)


async def test_a_run_may_go_on_without_its_reader(session: AsyncSession) -> None:
    async with session.stream(["breaks"], cancel_on_close=False) as stream:
        async for _ in stream:
            break
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert (await session.run(["plain"])).outputs == {"text": "3"}


async def test_a_slow_reader_slows_the_generator(session: AsyncSession) -> None:
    async with session.stream(["endless"]) as stream:
        async for chunk in stream:
            assert state(session)["yielded"] <= chunk.value + 16 + 1
            if chunk.value == 200:
                break


async def test_a_cancelled_reader_frees_its_slot(project: Path) -> None:
    async with AsyncSession.create(project_path=project, max_concurrency=1) as session:
        await session.prepare()
        with anyio.CancelScope() as scope:
            async for _ in session.stream(["waits"]):
                scope.cancel()
        with anyio.fail_after(60):
            assert [chunk.value async for chunk in session.stream(["words"])] == WORDS
