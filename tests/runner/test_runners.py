"""One contract for all runners (RUN)."""

import threading
import time
from contextvars import ContextVar
from pathlib import Path

import anyio
import pytest

from kedro_asgi.errors import ProducedInputError
from kedro_asgi.hooks import create_hook_manager, hook_impl
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.processes import Processes

WHO: ContextVar[str] = ContextVar("who", default="nobody")

RUNNERS = {
    "sequential": SequentialRunner,
    "sequential async": lambda: SequentialRunner(is_async=True),
    "thread": ThreadRunner,
    "thread of one": lambda: ThreadRunner(max_workers=1),
    "parallel": lambda: ParallelRunner(max_workers=2),
    "parallel async": lambda: ParallelRunner(max_workers=2, is_async=True),
}


@pytest.fixture(params=list(RUNNERS))
def runner(request: pytest.FixtureRequest, processes: Processes) -> AbstractRunner:
    return RUNNERS[request.param]().using(processes)


def add(x, y):
    return x + y


def double(x):
    return 2 * x


def both(x):
    return x, -x


def boom(x):
    raise ZeroDivisionError(f"no {x}")


def chunks(x):
    yield from range(x)


def pairs(x):
    for n in range(x):
        yield n, 10 * n


def refuse(x):
    raise ProducedInputError("x", "n")


async def later(x):
    await anyio.sleep(0.001)
    return x


async def boom_later(x):
    await anyio.sleep(0.001)
    raise ZeroDivisionError(f"later {x}")


def nothing(x):
    return None


def diamond() -> Pipeline:
    return Pipeline(
        [
            node(double, "a", "b", name="b"),
            node(both, "b", ["c", "d"], name="cd"),
            node(double, "b", "e", name="e"),
            node(add, {"x": "c", "y": "e"}, "f", name="f"),
        ]
    )


def catalog(**data: object) -> DataCatalog:
    return DataCatalog({name: MemoryDataset(value) for name, value in data.items()})


def test_free_outputs_come_back_as_datasets(runner: AbstractRunner) -> None:
    result = runner.run(diamond(), catalog(a=1))
    assert {name: dataset.load() for name, dataset in result.items()} == {"d": -2, "f": 6}


def test_what_a_node_raises_is_raised_and_nothing_behind_it_runs(runner: AbstractRunner) -> None:
    data = catalog(a=1)
    pipeline = Pipeline([node(boom, "a", "b", name="boom"), node(double, "b", "c", name="after")])
    with pytest.raises(ZeroDivisionError, match="no 1"):
        runner.run(pipeline, data)
    assert not data.exists("c")


def test_unmet_inputs_are_named_and_leave_the_catalog_as_it_was(runner: AbstractRunner) -> None:
    data = catalog()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Pipeline input\(s\) \{'a'\} not found in the DataCatalog"):
            runner.run(diamond(), data)


def test_intermediates_are_released(runner: AbstractRunner) -> None:
    data = catalog(a=1)
    runner.run(diamond(), data)
    assert {name: data.exists(name) for name in "abcdef"} == dict(
        zip("abcdef", [True, False, False, True, False, True], strict=True)
    )


def test_none_for_a_declared_output_fails(runner: AbstractRunner) -> None:
    with pytest.raises(Exception, match="Saving 'None' to a 'Dataset' is not allowed"):
        runner.run(Pipeline([node(nothing, "a", "b", name="n")]), catalog(a=1))


def test_only_missing_outputs_run(runner: AbstractRunner, tmp_path: Path) -> None:
    pipeline = Pipeline(
        [node(double, "a", "b", name="n1"), node(double, "b", "c", name="n2"), node(double, "c", "d", name="n3")]
    )
    files = {name: JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in "bd"}

    def run(a: int) -> set[str]:
        data = DataCatalog({"a": MemoryDataset(a), "c": MemoryDataset(), **files})
        return set(runner.run(pipeline, data, only_missing_outputs=True))

    assert run(1) == {"d"}
    assert files["d"].load() == 8
    assert run(5) == set()
    (tmp_path / "d.json").unlink()
    assert run(5) == {"d"}
    assert files["d"].load() == 8, "b exists, so n1 did not run again"


def test_independent_nodes_run_at_a_time() -> None:
    meet = threading.Barrier(2, timeout=5)

    def wait(x):
        meet.wait()
        return x

    pipeline = Pipeline([node(wait, "a", "b", name="one"), node(wait, "a", "c", name="two")])
    assert set(ThreadRunner(max_workers=2).run(pipeline, catalog(a=1))) == {"b", "c"}


def test_after_a_failure_what_waits_is_not_started() -> None:
    ran = []

    def slow(x):
        ran.append(x)
        time.sleep(0.05)
        return x

    nodes = [node(boom, "a", "z", name="a_first")] + [node(slow, "a", f"o{n}", name=f"n{n:02}") for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        ThreadRunner(max_workers=2).run(Pipeline(nodes), catalog(a=1))
    assert len(ran) < 20


@pytest.mark.parametrize("runner_type", [SequentialRunner, ThreadRunner])
def test_generators_are_saved_chunk_by_chunk(runner_type: type[AbstractRunner]) -> None:
    saved = []

    class Sink:
        def load(self):
            return saved

        def save(self, data):
            saved.append(data)

    data = DataCatalog({"a": MemoryDataset(3), "out": Sink()})
    runner_type().run(Pipeline([node(chunks, "a", "out", name="g")]), data)
    assert saved == [0, 1, 2]


def test_a_generator_may_feed_several_outputs(runner: AbstractRunner) -> None:
    pipeline = Pipeline([node(pairs, "a", ["b", "c"], name="g")])
    if runner._is_async:
        with pytest.raises(ValueError, match="does not work with nodes wrapping generator functions"):
            runner.run(pipeline, catalog(a=3))
        return
    result = runner.run(pipeline, catalog(a=3))
    assert {name: dataset.load() for name, dataset in result.items()} == {"b": 2, "c": 20}


def test_errors_of_ours_cross_processes(runner: AbstractRunner) -> None:
    with pytest.raises(ProducedInputError) as caught:
        runner.run(Pipeline([node(refuse, "a", "b", name="r")]), catalog(a=1))
    assert (caught.value.name, caught.value.node) == ("x", "n")
    assert "which node 'n' of this run produces" in str(caught.value)


def test_async_functions_are_awaited(runner: AbstractRunner) -> None:
    pipeline = Pipeline([node(later, "a", "b", name="later"), node(double, "b", "c", name="double")])
    assert runner.run(pipeline, catalog(a=1))["c"].load() == 2


def test_what_an_async_function_raises_is_raised(runner: AbstractRunner) -> None:
    with pytest.raises(ZeroDivisionError, match="later 1"):
        runner.run(Pipeline([node(boom_later, "a", "b", name="later")]), catalog(a=1))


def test_functions_for_other_processes_must_be_importable() -> None:
    pipeline = Pipeline([node(lambda x: x, "a", "b", name="lam")])
    with pytest.raises(AttributeError, match="The following nodes cannot be serialised"):
        ParallelRunner().run(pipeline, catalog(a=1))


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_are_counted_from_one(workers: int) -> None:
    with pytest.raises(ValueError, match="max_workers should be positive"):
        ThreadRunner(max_workers=workers)


def test_threads_do_not_load_asynchronously() -> None:
    with pytest.warns(UserWarning, match="'ThreadRunner' doesn't support loading and saving"):
        ThreadRunner(is_async=True)


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    @hook_impl
    def before_dataset_loaded(self, dataset_name, node):
        self.calls.append(("load", dataset_name))

    @hook_impl
    def before_node_run(self, node, inputs):
        self.calls.append(("run", node.name))
        return {"a": 100} if "a" in inputs else None

    @hook_impl
    def after_node_run(self, node, outputs):
        self.calls.append(("ran", node.name))

    @hook_impl
    def on_node_error(self, error, node):
        self.calls.append(("error", node.name))

    @hook_impl
    def after_dataset_saved(self, dataset_name, data):
        self.calls.append(("saved", dataset_name))


def test_hooks_are_called_in_order_and_may_replace_inputs(runner: AbstractRunner) -> None:
    recorder = Recorder()
    pipeline = Pipeline([node(double, "a", "b", name="n1"), node(boom, "b", "c", name="n2")])
    with pytest.raises(ZeroDivisionError, match="no 200"):
        runner.run(pipeline, catalog(a=1), create_hook_manager([recorder]))
    assert recorder.calls == [
        ("load", "a"),
        ("run", "n1"),
        ("ran", "n1"),
        ("saved", "b"),
        ("load", "b"),
        ("run", "n2"),
        ("error", "n2"),
    ]


def test_a_hook_that_returns_no_mapping_fails_the_run() -> None:
    class Wrong:
        @hook_impl
        def before_node_run(self):
            return [1]

    with pytest.raises(TypeError, match="'before_node_run' must return either None or a dictionary .* got 'list'"):
        SequentialRunner().run(diamond(), catalog(a=1), create_hook_manager([Wrong()]))


def test_a_custom_runner_in_kedros_shape_runs() -> None:
    class Reversed(SequentialRunner):
        def _run(self, pipeline, catalog, hook_manager=None, run_id=None):
            seen.append(run_id)
            super()._run(pipeline, catalog, hook_manager, run_id)

    seen: list[str | None] = []
    assert Reversed().run(diamond(), catalog(a=1), run_id="mine")["f"].load() == 6
    assert seen == ["mine"]


def test_a_run_takes_time_linear_in_its_nodes() -> None:
    """It takes a fraction of a second; what grows with the square takes minutes."""
    chain = Pipeline([node(double, f"d{n}", f"d{n + 1}", name=f"n{n}") for n in range(10_000)])
    started = time.perf_counter()
    SequentialRunner().run(chain, catalog(d0=0))
    assert time.perf_counter() - started < 10


def test_a_generator_that_fails_midway_tells_hooks_its_inputs(processes: Processes) -> None:
    told = []

    class Hooks:
        @hook_impl
        def on_node_error(self, inputs):
            told.append(inputs)

    def fail(x):
        yield x
        raise ZeroDivisionError

    pipeline = Pipeline([node(fail, "a", "b", name="n")])
    with pytest.raises(ZeroDivisionError):
        SequentialRunner().run(pipeline, catalog(a=3), create_hook_manager([Hooks()]))
    assert told == [{"a": 3}]


def test_of_two_failures_the_first_is_raised() -> None:
    """Also if both are there when this thread, busy with a release, looks."""

    def first(x):
        time.sleep(0.02)
        raise ZeroDivisionError("first")

    def second(x):
        time.sleep(0.05)
        raise ValueError("second")

    class Slow(MemoryDataset):
        def _release(self):
            time.sleep(0.1)

    for _ in range(8):
        data = DataCatalog({"a": MemoryDataset(1), "m": Slow()})
        nodes = [
            node(double, "a", "m", name="quick"),
            node(double, "m", "o", name="then"),
            node(first, "a", "x", name="first"),
            node(second, "a", "y", name="second"),
        ]
        with pytest.raises(ZeroDivisionError, match="first"):
            ThreadRunner(max_workers=4).run(Pipeline(nodes), data)


def test_what_belongs_to_a_run_is_known_where_its_datasets_are_loaded(runner: AbstractRunner) -> None:
    """Also in the threads of asynchronous loading."""
    seen = []

    class Seeing(MemoryDataset):
        def load(self):
            seen.append(WHO.get())
            return super().load()

    token = WHO.set("this run")
    try:
        data = DataCatalog({"a": Seeing(1)})
        runner.run(Pipeline([node(double, "a", "b", name="n")]), data)
    finally:
        WHO.reset(token)
    assert seen == ["this run"]
