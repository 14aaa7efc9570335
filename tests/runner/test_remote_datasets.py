"""Values that cannot be sent between processes: the worker process loads and saves them (Q-31)."""

import os
import threading
from pathlib import Path

import pytest
import runner_functions as functions
from kept_chunks import reading
from runner_functions import Parts

from kedro_asgi.errors import DatasetError, DataValidationError, SingleProcessDatasetsError, UnserialisableDataError
from kedro_asgi.hooks import create_hook_manager, hook_impl
from kedro_asgi.io import CachedDataset, DataCatalog, MemoryDataset, Version
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import ParallelRunner
from kedro_asgi.runner.remote_datasets import KeptOutput
from kedro_asgi.runner.worker_pool import WorkerPool


@pytest.fixture(params=[False, True], ids=["", "async"])
def runner(request: pytest.FixtureRequest, processes: WorkerPool) -> ParallelRunner:
    return ParallelRunner(max_workers=2, is_async=request.param).using(processes)


@pytest.fixture
def sync_runner(processes: WorkerPool) -> ParallelRunner:
    return ParallelRunner(max_workers=1).using(processes)


def catalog(folder: Path, **datasets) -> DataCatalog:
    return DataCatalog({"a": MemoryDataset(3), "parts": Parts(str(folder / "parts")), **datasets})


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_values_that_cannot_be_sent_are_saved_and_loaded_there(runner: ParallelRunner, tmp_path: Path) -> None:
    nodes = [node(functions.parts, "a", "parts", name="n"), node(functions.whole, "parts", "all", name="m")]
    result = runner.run(Pipeline(nodes), catalog(tmp_path))
    assert result["all"].load() == texts(tmp_path / "parts") == {"0.txt": "0", "1.txt": "3"}


def test_other_outputs_of_the_node_come_back(runner: ParallelRunner, tmp_path: Path) -> None:
    both = node(functions.parts_and_pid, "a", {"parts": "parts", "pid": "pid"}, name="n")
    result = runner.run(Pipeline([both]), catalog(tmp_path))
    assert result["pid"].load() != os.getpid()
    assert texts(tmp_path / "parts") == {"0.txt": "0", "1.txt": "3"}


def test_several_outputs_may_stay_there(runner: ParallelRunner, tmp_path: Path) -> None:
    two = node(functions.twice_parts, "a", ["parts", "more"], name="n")
    runner.run(Pipeline([two]), catalog(tmp_path, more=Parts(str(tmp_path / "more"))))
    assert texts(tmp_path / "parts") == texts(tmp_path / "more") == {"0.txt": "0", "1.txt": "3"}


def test_chunks_of_a_generator_are_saved_there_one_by_one(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    chunks = node(functions.parts_by_chunks, "a", ["parts", "last"], name="n")
    result = sync_runner.run(Pipeline([chunks]), catalog(tmp_path))
    assert texts(tmp_path / "parts") == {"0.txt": "0", "1.txt": "3", "2.txt": "6"}
    assert result["last"].load() == 2


def test_a_reader_learns_that_chunks_stay_there(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    chunks = node(functions.parts_by_chunks, "a", ["parts", "last"], name="n")
    with reading("parts", "last") as stream:
        sync_runner.run(Pipeline([chunks]), catalog(tmp_path))
    assert [chunk.value for chunk in stream.chunks if chunk.output == "last"] == [0, 1, 2]
    problems = [chunk.problem for chunk in stream.chunks if chunk.output == "parts"]
    assert len(problems) == 1
    assert "cannot leave the process that made it" in problems[0]


def test_a_run_loads_the_version_that_it_saved_there(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    for version in ("v2", "v1"):
        versioned = Parts(str(tmp_path / "parts"), Version(None, version))
        result = sync_runner.run(
            Pipeline([node(functions.parts, "a", "parts", name="n")]), catalog(tmp_path, parts=versioned)
        )
        assert result["parts"].resolve_load_version() == version


def test_a_save_that_fails_there_names_the_dataset(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    pipeline = Pipeline([node(functions.bad_parts, "a", "parts", name="n")])
    with pytest.raises(DatasetError, match=r"^parts: Failed while saving data to .*\nno 3"):
        sync_runner.run(pipeline, catalog(tmp_path))
    result = sync_runner.run(Pipeline([node(functions.same, "a", "b", name="n")]), catalog(tmp_path))
    assert result["b"].load() == 3


@pytest.mark.parametrize("make", [MemoryDataset, lambda: CachedDataset(MemoryDataset())])
def test_values_in_the_memory_of_this_process_must_be_sent(sync_runner: ParallelRunner, tmp_path: Path, make) -> None:
    pipeline = Pipeline([node(functions.parts, "a", "parts", name="n")])
    with pytest.raises(UnserialisableDataError, match="^parts: <class 'dict'> cannot be serialised"):
        sync_runner.run(pipeline, catalog(tmp_path, parts=make()))


def test_a_dataset_that_cannot_go_there_is_named(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    parts = Parts(str(tmp_path / "parts"))
    parts.unsendable = lambda: None
    pipeline = Pipeline([node(functions.parts, "a", "parts", name="n")])
    with pytest.raises(SingleProcessDatasetsError, match="'parts'"):
        sync_runner.run(pipeline, catalog(tmp_path, parts=parts))


def test_a_value_of_a_hook_is_not_loaded_there(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    class Replacing:
        @hook_impl
        def before_node_run(self, inputs):
            return {"parts": {"x": lambda: "of the hook"}}

    data = catalog(tmp_path)
    data.save("parts", functions.parts(3))
    pipeline = Pipeline([node(functions.whole, "parts", "all", name="n")])
    with pytest.raises(UnserialisableDataError, match="^parts: "):
        sync_runner.run(pipeline, data, create_hook_manager([Replacing()]))


def test_hooks_see_what_stands_for_the_value(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    seen = []

    class Seeing:
        @hook_impl
        def after_node_run(self, outputs):
            seen.append(outputs["parts"])

        @hook_impl
        def before_dataset_saved(self, data):
            seen.append(data)

        @hook_impl
        def after_dataset_saved(self, data):
            seen.append(data)

    pipeline = Pipeline([node(functions.parts, "a", "parts", name="n")])
    sync_runner.run(pipeline, catalog(tmp_path), create_hook_manager([Seeing()]))
    assert seen == [KeptOutput(node="n", output="parts", type="<class 'dict'>")] * 3


def test_a_hook_that_fails_gives_the_process_back(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    class Failing:
        @hook_impl
        def after_node_run(self):
            raise LookupError("of the hook")

    for _ in range(1 + (os.cpu_count() or 1)):
        with pytest.raises(LookupError):
            sync_runner.run(
                Pipeline([node(functions.parts, "a", "parts", name="n")]),
                catalog(tmp_path),
                create_hook_manager([Failing()]),
            )
    result = sync_runner.run(Pipeline([node(functions.same, "a", "b", name="n")]), catalog(tmp_path))
    assert result["b"].load() == 3


def test_validators_check_what_is_saved_there(sync_runner: ParallelRunner, tmp_path: Path) -> None:
    entry = {
        "type": "runner_functions.Parts",
        "path": str(tmp_path / "parts"),
        "validator": "runner_functions.refuse_data",
    }
    data = DataCatalog.from_config({"parts": entry})
    data["a"] = 3
    with pytest.raises(DataValidationError, match="never good enough"):
        sync_runner.run(Pipeline([node(functions.parts, "a", "parts", name="n")]), data)
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize("function", [functions.parts, functions.parts_in_one_chunk])
def test_a_hook_may_run_a_pipeline_while_all_processes_keep_outputs(tmp_path: Path, function) -> None:
    busy = max(2, os.cpu_count() or 1)
    all_keep, inner, outer = threading.Barrier(busy), [], WorkerPool()

    class Nesting:
        @hook_impl
        def before_dataset_saved(self, dataset_name):
            all_keep.wait(timeout=60)
            pipeline = Pipeline([node(functions.same, "a", "b", name="inner")])
            runner = ParallelRunner(max_workers=1).using(outer)
            inner.append(runner.run(pipeline, DataCatalog({"a": MemoryDataset(1)}))["b"].load())

    names = [f"parts{number}" for number in range(busy)]
    data = catalog(tmp_path, **{name: Parts(str(tmp_path / name)) for name in names})
    nodes = [node(function, "a", name, name=f"n_{name}") for name in names]
    ParallelRunner(max_workers=busy).using(outer).run(Pipeline(nodes), data, create_hook_manager([Nesting()]))
    outer.close()
    assert inner == [1] * busy
