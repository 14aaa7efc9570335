"""``only_missing_outputs``: the nodes that run, depending on the outputs that exist (RUN-23)."""

import logging
from pathlib import Path

import pytest
from runner_functions import double, same

from kedro_asgi.io import CachedDataset, DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.missing_outputs import without_existing_outputs

LOG = logging.getLogger("kedro_asgi.runner.sequential_runner")
CHAIN = Pipeline([node(double, *names, name=f"n{n}") for n, names in enumerate(("ab", "bc", "cd"), 1)])


def file(folder: Path, name: str, content: str | None = "1") -> JSONDataset:
    path = folder / f"{name}.json"
    if content is not None:
        path.write_text(content)
    return JSONDataset(filepath=str(path))


def needed(pipeline: Pipeline, catalog: DataCatalog) -> str:
    return " ".join(found.name for found in without_existing_outputs(pipeline, catalog, log=LOG).nodes)


# The table of RUN-24: upper case is in files, lower case in memory; the names after the colon exist.
@pytest.mark.parametrize(
    ("state", "runs"),
    [
        ("BCD:", "n1 n2 n3"),
        ("BCD:BCD", ""),
        ("BCD:BC", "n3"),
        ("BCD:BD", "n2"),
        ("BCD:CD", "n1"),
        ("bcD:", "n1 n2 n3"),
        ("bcD:D", ""),
        ("BcD:B", "n2 n3"),
        ("bcd:", ""),
    ],
)
def test_what_runs(tmp_path: Path, state: str, runs: str) -> None:
    names, _, there = state.partition(":")
    data = {
        name.lower(): file(tmp_path, name, "1" if name in there else None) if name.isupper() else MemoryDataset()
        for name in names
    }
    assert needed(CHAIN, DataCatalog({"a": MemoryDataset(1), **data})) == runs


def test_only_missing_outputs_run(runner: AbstractRunner, tmp_path: Path) -> None:
    files = {name: file(tmp_path, name, None) for name in "bd"}

    def run(a: int) -> set[str]:
        data = DataCatalog({"a": MemoryDataset(a), "c": MemoryDataset(), **files})
        return set(runner.run(CHAIN, data, only_missing_outputs=True))

    assert run(1) == {"d"}
    assert files["d"].load() == 8
    assert run(5) == set()
    (tmp_path / "d.json").unlink()
    assert run(5) == {"d"}
    assert files["d"].load() == 8, "b exists, so n1 did not run again"


def test_inputs_of_nodes_that_do_not_run_are_not_wanted(runner: AbstractRunner, tmp_path: Path) -> None:
    data = DataCatalog({"b": file(tmp_path, "b"), "c": file(tmp_path, "c"), "d": file(tmp_path, "d", None)})
    assert set(runner.run(CHAIN, data, only_missing_outputs=True)) == {"d"}


def test_a_node_without_outputs_always_runs() -> None:
    pipeline = Pipeline([node(same, "a", None, name="n")])
    assert needed(pipeline, DataCatalog({"a": MemoryDataset(1)})) == "n"


def test_a_node_whose_file_exists_is_skipped_with_its_output_in_memory(tmp_path: Path) -> None:
    pipeline = Pipeline([node(same, "a", ["b", "m"], name="n")])
    assert needed(pipeline, DataCatalog({"a": MemoryDataset(1), "b": file(tmp_path, "b")})) == ""


@pytest.mark.filterwarnings("ignore")
def test_a_dataset_without_exists_counts_as_missing() -> None:
    class Sink:
        def load(self):
            raise NotImplementedError

        def save(self, data):
            raise NotImplementedError

    pipeline = Pipeline([node(same, "a", "b", name="n")])
    assert needed(pipeline, DataCatalog({"a": MemoryDataset(1), "b": Sink()})) == "n"


@pytest.mark.parametrize(("content", "runs"), [(None, "n"), ("1", "")])
def test_a_cache_is_as_persistent_as_what_it_caches(tmp_path: Path, content: str | None, runs: str) -> None:
    """Q-29: in Kedro it never is."""
    pipeline = Pipeline([node(same, "a", "b", name="n")])
    cached = CachedDataset(dataset=file(tmp_path, "b", content))
    assert needed(pipeline, DataCatalog({"a": MemoryDataset(1), "b": cached})) == runs


def test_formats_of_one_dataset_are_linked(tmp_path: Path) -> None:
    """In Kedro a node that reads ``x@there`` does not need ``x@here`` (Q-29)."""
    pipeline = Pipeline([node(same, "a", "x@here", name="n1"), node(same, "x@there", "d", name="n2")])
    data = DataCatalog({"a": MemoryDataset(1), "x@there": file(tmp_path, "x", None), "d": file(tmp_path, "d", None)})
    assert needed(pipeline, data) == "n1 n2"
    data["x@there"] = file(tmp_path, "x")
    assert needed(pipeline, data) == "n2"


def test_skipped_nodes_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi")
    data = {name: file(tmp_path, name) for name in "bc"}
    needed(CHAIN, DataCatalog({"a": MemoryDataset(1), **data, "d": file(tmp_path, "d", None)}))
    needed(CHAIN, DataCatalog({"a": MemoryDataset(1), **data, "d": file(tmp_path, "d")}))
    assert [record.getMessage() for record in caplog.records] == [
        "Skipping 2 nodes with existing outputs: n1, n2",
        "Running 1 out of 3 nodes",
        "Skipping all 3 nodes (all persistent outputs exist)",
    ]


def test_a_pipeline_without_persistent_outputs_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Q-29: in Kedro a pipeline that keeps everything in memory just does not run."""
    needed(CHAIN, DataCatalog({"a": MemoryDataset(1)}))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no output of this pipeline is persistent" in caplog.text


def test_the_debug_log_says_why_each_node_must_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = Pipeline([*CHAIN.nodes, node(print, "b", None, name="report")])
    data = {"b": file(tmp_path, "B"), "c": MemoryDataset(), "d": file(tmp_path, "D", None)}
    with caplog.at_level(logging.DEBUG, logger=LOG.name):
        assert needed(pipeline, DataCatalog({"a": MemoryDataset(1), **data})) == "n2 report n3"
    said = [message for message in caplog.messages if "must run" in message]
    assert said == [
        "Node 'n3' must run: has missing output 'd'",
        "Node 'report' must run: has no outputs",
        "Node 'n2' must run: produces 'c', which a node that runs needs",
    ]


class OwnRunner(SequentialRunner):
    """A runner of a project."""


@pytest.mark.parametrize(
    ("runner", "logger"),
    [
        (SequentialRunner(), "kedro_asgi.runner.sequential_runner"),
        (ThreadRunner(), "kedro_asgi.runner.thread_runner"),
        (OwnRunner(), "kedro_asgi.runner.runner"),
    ],
)
def test_a_run_logs_under_the_module_of_its_runner(
    runner: AbstractRunner, logger: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="kedro_asgi.runner"):
        runner.run(CHAIN, DataCatalog({"a": MemoryDataset(1)}), only_missing_outputs=True)
        runner.run(CHAIN, DataCatalog({"a": MemoryDataset(1)}))
    names = {record.name for record in caplog.records if record.name.startswith("kedro_asgi.runner")}
    assert names == {logger}
