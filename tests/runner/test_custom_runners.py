"""Runners of a project's own, in the shape that Kedro's users give them (RUN-1)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from runner_functions import add, boom, double, later, same

from kedro_asgi.hooks import create_hook_manager, hook_impl
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, SequentialRunner, Task

CHAIN = Pipeline([node(double, "a", "b", name="n1"), node(double, "b", "c", name="n2")])


def catalog() -> DataCatalog:
    return DataCatalog({"a": MemoryDataset(1)})


class OnThreads(AbstractRunner):
    """Names its executor, and leaves the rest to the base."""

    _max_workers = 2

    def _get_executor(self, max_workers):
        self.asked = max_workers
        return ThreadPoolExecutor(max_workers)


class ByHand(AbstractRunner):
    """Does it all itself, hooks included."""

    def _get_executor(self, max_workers):
        return None

    def _run(self, pipeline, catalog, hook_manager=None, run_id=None):
        for found in pipeline.nodes:
            inputs = {name: catalog.load(name) for name in found.inputs}
            hook_manager.hook.before_node_run(node=found, catalog=catalog, inputs=inputs, is_async=False, run_id=run_id)
            for name, data in found.run(inputs).items():
                catalog.save(name, data)


class WithTasks(ByHand):
    """Goes through Kedro's tasks."""

    def _run(self, pipeline, catalog, hook_manager=None, run_id=None):
        for found in pipeline.nodes:
            self._logger.info("next")
            task = Task(found, catalog, self._is_async, hook_manager, run_id, parallel=False)
            assert task.execute() is found


RUNNERS = [OnThreads, ByHand, WithTasks]


@pytest.mark.parametrize("kind", RUNNERS)
def test_runners_of_all_shapes_run(kind: type[AbstractRunner]) -> None:
    assert kind().run(CHAIN, catalog())["c"].load() == 4


@pytest.mark.parametrize("kind", RUNNERS)
def test_their_hooks_are_called(kind: type[AbstractRunner]) -> None:
    seen = []

    class Seeing:
        @hook_impl
        def before_node_run(self, node, run_id):
            seen.append((node.name, run_id))

    kind().run(CHAIN, catalog(), create_hook_manager([Seeing()]), run_id="mine")
    assert seen == [("n1", "mine"), ("n2", "mine")]


@pytest.mark.parametrize("kind", RUNNERS)
def test_their_failures_are_failures(kind: type[AbstractRunner], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        kind().run(Pipeline([node(boom, "a", "b", name="n")]), catalog())
    assert any("No nodes ran." in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", [OnThreads, WithTasks])
def test_their_async_nodes_are_awaited(kind: type[AbstractRunner]) -> None:
    assert kind().run(Pipeline([node(later, "a", "b", name="n")]), catalog())["b"].load() == 1


def test_the_base_asks_for_as_many_workers_as_there_is_work() -> None:
    runner = OnThreads()
    runner.run(CHAIN, catalog())
    assert runner.asked == 1
    runner.run(Pipeline([node(same, "a", f"b{n}", name=f"n{n}") for n in range(5)]), catalog())
    assert runner.asked == 2


def test_an_executor_that_takes_nothing_fails_the_run() -> None:
    class Closed(OnThreads):
        def _get_executor(self, max_workers):
            executor = ThreadPoolExecutor(max_workers)
            executor.shutdown()
            return executor

    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        Closed().run(CHAIN, catalog())


def test_what_wraps_a_runner_of_ours_sees_each_run() -> None:
    seen: list[str | None] = []

    class Watched(SequentialRunner):
        def _run(self, pipeline, catalog, hook_manager=None, run_id=None):
            seen.append(run_id)
            super()._run(pipeline, catalog, hook_manager, run_id)

    pipeline = Pipeline([node(add, ["a", "a"], "b", name="n")])
    assert Watched().run(pipeline, catalog(), run_id="mine")["b"].load() == 2
    assert seen == ["mine"]


def test_a_runner_must_name_its_executor() -> None:
    kind = type("Half", (AbstractRunner,), {"_run": lambda *_: None})
    with pytest.raises(TypeError, match="_get_executor"):
        kind()
