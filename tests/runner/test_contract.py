"""One contract for all runners (RUN)."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
import runner_functions as functions
from recorder import Recorder
from runner_functions import add, boom, both, double, listing, named, nothing, refuse, same, sleep_after, too_many

from kedro_asgi.errors import ProducedInputError
from kedro_asgi.hooks import create_hook_manager, hook_impl
from kedro_asgi.io import CachedDataset, DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.graph import workers_for

WHO: ContextVar[str] = ContextVar("who", default="nobody")


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


class Noted(MemoryDataset):
    """Notes when it is released; cannot be released if it is ``stuck``."""

    def __init__(self, name: str, notes: list[str], *, stuck: bool = False) -> None:
        super().__init__()
        self.notes, self.name, self.stuck = notes, name, stuck

    def _release(self) -> None:
        if self.stuck:
            raise OSError("stuck")
        self.notes.append(self.name)
        super()._release()


# --- results ---


def test_free_outputs_come_back_as_datasets(runner: AbstractRunner) -> None:
    result = runner.run(diamond(), catalog(a=1))
    assert {name: dataset.load() for name, dataset in result.items()} == {"d": -2, "f": 6}


def test_outputs_in_files_come_back_too(runner: AbstractRunner, tmp_path: Path) -> None:
    data = DataCatalog({"a": MemoryDataset(1), "b": JSONDataset(filepath=str(tmp_path / "b.json"))})
    assert runner.run(Pipeline([node(double, "a", "b", name="n")]), data)["b"].load() == 2


def test_nothing_to_run_is_nothing_to_return(runner: AbstractRunner) -> None:
    assert runner.run(Pipeline([]), catalog()) == {}


def test_outputs_may_be_named_by_the_function(runner: AbstractRunner) -> None:
    pipeline = Pipeline([node(named, "a", {"plus": "p", "minus": "m"}, name="n")])
    result = runner.run(pipeline, catalog(a=3))
    assert {name: dataset.load() for name, dataset in result.items()} == {"p": 3, "m": -3}


def test_an_input_may_be_given_twice(runner: AbstractRunner) -> None:
    assert runner.run(Pipeline([node(add, ["a", "a"], "b", name="n")]), catalog(a=3))["b"].load() == 6


def test_a_list_is_one_object(runner: AbstractRunner) -> None:
    """RUN-17: only generators come in chunks."""
    result = runner.run(Pipeline([node(listing, ["a", "b"], "c", name="n")]), catalog(a=1, b=2))
    assert result["c"].load() == [1, 2]


def test_unmet_inputs_are_named_and_leave_the_catalog_as_it_was(runner: AbstractRunner) -> None:
    data = catalog()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Pipeline input\(s\) \{'a'\} not found in the DataCatalog"):
            runner.run(diamond(), data)


def test_an_empty_dataset_is_no_unmet_input(runner: AbstractRunner) -> None:
    with pytest.raises(Exception, match="Data for MemoryDataset has not been saved yet"):
        runner.run(diamond(), DataCatalog({"a": MemoryDataset()}))


def test_all_datasets_are_made_before_any_node_runs(runner: AbstractRunner, recorder: Recorder) -> None:
    """A dataset that cannot be made fails the run before any node."""
    data = DataCatalog.from_config({"late": {"type": "no.such.Dataset"}})
    data["a"] = 1
    pipeline = Pipeline([node(double, "a", "b", name="n1"), node(double, "b", "late", name="n2")])
    with pytest.raises(Exception, match="late"):
        runner.run(pipeline, data, create_hook_manager([recorder]))
    assert recorder.calls == []


def test_any_dataset_will_do(runner: AbstractRunner) -> None:
    """Q-31: in Kedro, caches and declared datasets in memory cannot be used with processes."""
    data = DataCatalog(
        {"a": MemoryDataset(3), "b": CachedDataset(dataset={"type": "MemoryDataset"}), "c": MemoryDataset()}
    )
    runner.run(Pipeline([node(same, "a", "b", name="n"), node(same, "b", "c", name="m")]), data)
    assert data.load("c") == 3


def test_one_runner_serves_many_runs_at_a_time(runner: AbstractRunner) -> None:
    def run(a: int) -> int:
        return runner.run(diamond(), catalog(a=a))["f"].load()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(run, range(16))) == [6 * a for a in range(16)]


# --- one node's turn (RUN-13, RUN-14, RUN-18) ---


def test_hooks_are_called_in_order(sync_runner: AbstractRunner, recorder: Recorder) -> None:
    pipeline = Pipeline([node(both, "a", ["b", "c"], name="n1"), node(add, ["b", "c"], "d", name="n2")])
    sync_runner.run(pipeline, catalog(a=1), create_hook_manager([recorder]))
    assert recorder.calls == [
        ("load", "a"),
        ("loaded", "a"),
        ("run", "n1"),
        ("ran", "n1"),
        ("save", "b", 1),
        ("saved", "b"),
        ("save", "c", -1),
        ("saved", "c"),
        ("load", "b"),
        ("loaded", "b"),
        ("load", "c"),
        ("loaded", "c"),
        ("run", "n2"),
        ("ran", "n2"),
        ("save", "d", 0),
        ("saved", "d"),
    ]


def test_hooks_before_saves_are_called_in_order_in_async_mode(async_runner: AbstractRunner, recorder: Recorder) -> None:
    pipeline = Pipeline([node(listing, ["a", "a", "a"], ["x", "y", "z"], name="n1")])
    async_runner.run(pipeline, catalog(a=1), create_hook_manager([recorder]))
    calls = recorder.names()
    assert [call for call in calls if call[0] == "save"] == [("save", "x"), ("save", "y"), ("save", "z")]
    assert sorted(calls[-3:] + [call for call in calls if call[0] == "saved"][:-3]) == [
        ("saved", "x"),
        ("saved", "y"),
        ("saved", "z"),
    ]


def test_hooks_may_replace_inputs(runner: AbstractRunner) -> None:
    class Replacing:
        @hook_impl
        def before_node_run(self, inputs):
            return {"a": 100} if "a" in inputs else None

    assert runner.run(diamond(), catalog(a=1), create_hook_manager([Replacing()]))["f"].load() == 600


def test_hooks_may_edit_outputs(runner: AbstractRunner) -> None:
    class Editing:
        @hook_impl
        def after_node_run(self, outputs):
            outputs["b"] = 50

    pipeline = Pipeline([node(double, "a", "b", name="n")])
    assert runner.run(pipeline, catalog(a=1), create_hook_manager([Editing()]))["b"].load() == 50


def test_hooks_learn_whether_datasets_are_loaded_at_a_time(runner: AbstractRunner) -> None:
    told = []

    class Asking:
        @hook_impl
        def before_node_run(self, is_async, run_id):
            told.append((is_async, run_id))

    runner.run(Pipeline([node(double, "a", "b", name="n")]), catalog(a=1), create_hook_manager([Asking()]), "mine")
    assert told == [(runner._is_async, "mine")]


def test_a_hook_that_returns_no_mapping_fails_the_run(runner: AbstractRunner) -> None:
    class Wrong:
        @hook_impl
        def before_node_run(self):
            return [1]

    with pytest.raises(TypeError, match="'before_node_run' must return either None or a dictionary .* got 'list'"):
        runner.run(diamond(), catalog(a=1), create_hook_manager([Wrong()]))


def test_confirms_come_after_all_saves(runner: AbstractRunner) -> None:
    confirmed = []

    class Confirming(MemoryDataset):
        def confirm(self):
            confirmed.append([data.exists("b"), data.exists("c")])

    data = DataCatalog({"a": Confirming(1)})
    runner.run(Pipeline([node(both, "a", ["b", "c"], name="n", confirms="a")]), data)
    assert confirmed == [[True, True]]


def test_a_confirm_that_fails_comes_too_late_for_saves(runner: AbstractRunner) -> None:
    data = catalog(a=1)
    with pytest.raises(Exception, match="Dataset 'a' does not have 'confirm' method"):
        runner.run(Pipeline([node(double, "a", "b", name="n", confirms="a")]), data)
    assert data.load("b") == 2


def test_none_for_a_declared_output_fails(runner: AbstractRunner, recorder: Recorder) -> None:
    with pytest.raises(Exception, match="b: Saving 'None' to a 'Dataset' is not allowed"):
        runner.run(Pipeline([node(nothing, "a", "b", name="n")]), catalog(a=1), create_hook_manager([recorder]))
    assert recorder.names()[-2:] == [("ran", "n"), ("save", "b")]


def test_outputs_of_another_shape_are_the_nodes_failure(runner: AbstractRunner, recorder: Recorder) -> None:
    with pytest.raises(ValueError, match=r"returned 3 output\(s\), whereas the node definition contains 2"):
        runner.run(Pipeline([node(too_many, "a", ["b", "c"], name="n")]), catalog(a=1), create_hook_manager([recorder]))
    assert recorder.names()[-1] == ("error", "n")


# --- loads and saves at a time (RUN-19 to RUN-21) ---


class Meeting(MemoryDataset):
    """Loads and saves only together with another one."""

    def __init__(self, meet: threading.Barrier, *data: Any) -> None:
        super().__init__(*data)
        self._meet = meet

    def load(self):
        self._meet.wait()
        return super().load()

    def save(self, data):
        self._meet.wait()
        super().save(data)


def test_datasets_of_a_node_are_loaded_and_saved_at_a_time(async_runner: AbstractRunner) -> None:
    loads, saves = threading.Barrier(2, timeout=60), threading.Barrier(2, timeout=60)
    data = DataCatalog({"a": Meeting(loads, 1), "b": Meeting(loads, 2), "c": Meeting(saves), "d": Meeting(saves)})
    async_runner.run(Pipeline([node(listing, ["a", "b"], ["c", "d"], name="n")]), data)
    assert data.exists("c")
    assert data.exists("d")


def test_all_loads_end_before_the_first_failure_is_raised(async_runner: AbstractRunner) -> None:
    ended = []

    class Failing(MemoryDataset):
        def load(self):
            raise OSError("not there")

    class Slow(MemoryDataset):
        def load(self):
            time.sleep(0.05)
            ended.append("slow")
            return 1

    data = DataCatalog({"a": Failing(1), "b": Slow(1), "c": Failing(1)})
    with pytest.raises(Exception, match="not there"):
        async_runner.run(Pipeline([node(listing, ["a", "b", "c"], "d", name="n")]), data)
    assert ended == ["slow"]


def test_what_belongs_to_a_run_is_known_in_all_its_threads(runner: AbstractRunner) -> None:
    seen = []

    class Seeing(MemoryDataset):
        def load(self):
            seen.append(WHO.get())
            return super().load()

        def save(self, data):
            seen.append(WHO.get())
            super().save(data)

    token = WHO.set("this run")
    try:
        data = DataCatalog({"a": Seeing(1), "b": Seeing(), "c": Seeing()})
        runner.run(Pipeline([node(both, "a", ["b", "c"], name="n")]), data)
    finally:
        WHO.reset(token)
    assert seen[:3] == ["this run"] * 3


# --- releases (RUN-28, RUN-29) ---


def test_intermediates_are_released(runner: AbstractRunner) -> None:
    data = catalog(a=1)
    runner.run(diamond(), data)
    assert {name: data.exists(name) for name in "abcdef"} == dict(
        zip("abcdef", [True, False, False, True, False, True], strict=True)
    )


def test_a_dataset_is_released_after_its_last_consumer(runner: AbstractRunner) -> None:
    notes: list[str] = []
    data = DataCatalog({"a": MemoryDataset(1), **{name: Noted(name, notes) for name in "bcde"}})
    chain = [node(same, before, after, name=f"n{after}") for before, after in ("ab", "bc", "cd", "de")]
    runner.run(Pipeline([*chain, node(add, ["b", "d"], "f", name="nf")]), data)
    assert notes == ["c", "b", "d"] or notes == ["c", "d", "b"]


def test_an_output_that_no_node_reads_in_its_format_is_released(runner: AbstractRunner) -> None:
    notes: list[str] = []
    data = DataCatalog({"a": MemoryDataset(1), "x@s": Noted("x@s", notes), "x@l": MemoryDataset(5)})
    pipeline = Pipeline([node(same, "a", "x@s", name="s"), node(same, "x@l", "c", name="l")])
    assert runner.run(pipeline, data)["c"].load() == 5
    assert notes[:1] == ["x@s"]


def test_a_release_that_fails_aborts_the_run(runner: AbstractRunner) -> None:
    data = DataCatalog({"a": MemoryDataset(1), "b": Noted("b", [], stuck=True)})
    with pytest.raises(Exception, match="stuck"):
        runner.run(Pipeline([node(same, "a", "b", name="n1"), node(same, "b", "c", name="n2")]), data)


# --- failures (RUN-30 to RUN-34) ---


def test_what_a_node_raises_is_raised_and_nothing_behind_it_runs(runner: AbstractRunner, recorder: Recorder) -> None:
    data = catalog(a=1)
    pipeline = Pipeline([node(boom, "a", "b", name="boom"), node(double, "b", "c", name="after")])
    with pytest.raises(ZeroDivisionError, match="no 1"):
        runner.run(pipeline, data, create_hook_manager([recorder]))
    assert not data.exists("c")
    assert recorder.calls[-1] == ("error", "boom", "ZeroDivisionError", {"a": 1})


def test_after_a_failure_nothing_starts(runner: AbstractRunner, recorder: Recorder, tmp_path: Path) -> None:
    """Not even a submitted one (Q-30)."""

    class Marking:
        @hook_impl
        def on_node_error(self):
            (tmp_path / "failed").touch()

    first = [node(boom, "a", "z", name="a_first")]
    late = [node(same, "z2", f"o{n}", name=f"n{n:02}") for n in range(20)]
    pipeline = Pipeline([*first, node(sleep_after, "mark", "z2", name="a_slow"), *late])
    data = catalog(a=1, mark=str(tmp_path / "failed"))
    with pytest.raises(ZeroDivisionError):
        runner.run(pipeline, data, create_hook_manager([recorder, Marking()]))
    assert [call for call in recorder.names() if call[0] == "run" and call[1].startswith("n")] == []


def test_one_thread_stops_at_the_node_that_failed(recorder: Recorder) -> None:
    nodes = [node(boom, "a", "z", name="a_first")] + [node(same, "a", f"o{n}", name=f"n{n:02}") for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        ThreadRunner(max_workers=1).run(Pipeline(nodes), catalog(a=1), create_hook_manager([recorder]))
    assert [call for call in recorder.names() if call[0] == "run"] == [("run", "a_first")]


def test_the_first_of_several_failures_is_raised() -> None:
    """Also where the thread that waits for nodes is busy while they fail."""
    is_busy, failed = threading.Event(), {"first": threading.Event(), "second": threading.Event()}

    class Telling(ThreadPoolExecutor):
        def submit(self, *call):
            future = super().submit(*call)
            future.add_done_callback(lambda ended: (error := ended.exception()) and failed[str(error)].set())
            return future

    class Runner(ThreadRunner):
        def _get_executor(self, max_workers):
            return Telling(max_workers)

    class Slow(MemoryDataset):
        def _release(self):
            is_busy.set()
            failed["second"].wait(30)

    def first(x):
        is_busy.wait(30)
        raise ZeroDivisionError("first")

    def second(x):
        failed["first"].wait(30)
        raise ValueError("second")

    nodes = [(same, "a", "b"), (same, "b", "c"), (first, "a", "y"), (second, "a", "z")]
    pipeline = Pipeline([node(function, read, written, name=written) for function, read, written in nodes])
    with pytest.raises(ZeroDivisionError, match="first"):
        Runner(max_workers=3).run(pipeline, DataCatalog({"a": MemoryDataset(1), "b": Slow()}))


def test_the_very_exception_is_raised() -> None:
    error = LookupError("mine")

    def fail(x):
        raise error

    for runner in (SequentialRunner(), SequentialRunner(is_async=True), ThreadRunner(max_workers=2)):
        with pytest.raises(LookupError) as caught:
            runner.run(Pipeline([node(fail, "a", "b", name="n")]), catalog(a=1))
        assert caught.value is error


def test_leaving_the_process_calls_no_error_hooks(
    runner: AbstractRunner, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """RUN-34: neither do nodes behind it run, nor is there a hint."""
    pipeline = Pipeline([node(functions.leave, "a", "b", name="n"), node(same, "b", "c", name="m")])
    with pytest.raises(SystemExit) as caught:
        runner.run(pipeline, catalog(a=1), create_hook_manager([recorder]))
    assert caught.value.code == 4
    assert recorder.names()[-1] == ("run", "n")
    assert caplog.records == []
    assert runner.run(diamond(), catalog(a=1))["f"].load() == 6, "and the next run works"


def test_errors_of_ours_stay_what_they_are(runner: AbstractRunner) -> None:
    with pytest.raises(ProducedInputError) as caught:
        runner.run(Pipeline([node(refuse, "a", "b", name="r")]), catalog(a=1))
    assert (caught.value.name, caught.value.node) == ("x", "n")
    assert "which node 'n' of this run produces" in str(caught.value)


# --- workers (RUN-1 to RUN-4) ---


def test_independent_nodes_run_at_a_time() -> None:
    meet = threading.Barrier(2, timeout=60)

    def wait(x):
        meet.wait()
        return x

    pipeline = Pipeline([node(wait, "a", "b", name="one"), node(wait, "a", "c", name="two")])
    assert set(ThreadRunner(max_workers=2).run(pipeline, catalog(a=1))) == {"b", "c"}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_more_nodes_than_workers_run_at_a_time(workers: int) -> None:
    running, most = [], []

    def count(x):
        running.append(x)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return x

    pipeline = Pipeline([node(count, "a", f"b{n}", name=f"n{n}") for n in range(6)])
    ThreadRunner(max_workers=workers).run(pipeline, catalog(a=1))
    assert max(most) <= workers


def test_a_pipeline_gets_as_many_workers_as_it_can_use() -> None:
    """RUN-4."""
    chain = Pipeline([node(same, f"d{n}", f"d{n + 1}", name=f"n{n}") for n in range(5)])
    assert [workers_for(chain, 8), workers_for(diamond(), 8), workers_for(diamond(), 1)] == [1, 2, 1]
    wide = Pipeline([node(same, "a", f"b{n}", name=f"n{n}") for n in range(6)])
    assert [workers_for(wide, 8), workers_for(wide, 4), workers_for(Pipeline([]), 4)] == [6, 4, 1]


@pytest.mark.parametrize("kind", [ThreadRunner, ParallelRunner])
@pytest.mark.parametrize("workers", [0, -1])
def test_workers_are_counted_from_one(kind: type[ThreadRunner], workers: int) -> None:
    with pytest.raises(ValueError, match="max_workers should be positive"):
        kind(max_workers=workers)


@pytest.mark.parametrize("kind", [ThreadRunner, ParallelRunner])
def test_workers_are_counted_in_whole_numbers(kind: type[ThreadRunner]) -> None:
    with pytest.raises(TypeError, match="max_workers should be a whole number, not 'two'"):
        kind(max_workers="two")


def test_one_worker_at_least_is_for_each_cpu() -> None:
    assert ThreadRunner()._max_workers == ParallelRunner()._max_workers >= 1


def test_threads_do_not_load_asynchronously() -> None:
    with pytest.warns(UserWarning, match="'ThreadRunner' doesn't support loading and saving"):
        runner = ThreadRunner(is_async=True)
    assert runner._is_async is False
