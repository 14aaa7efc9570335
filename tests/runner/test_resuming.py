"""The log lines of a run, and where a new run can go on after a failure."""

import logging
import re
from pathlib import Path

import pytest

from kedro_asgi.failures import describe_failure
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.resuming import resume_nodes


def same(x):
    return x


def join(x, y):
    return x


def tell_secret(x):
    raise ConnectionError("no answer from postgres://me:pa55@host/db")


def boom(*x):
    raise ValueError("no")


def leave(x):
    raise SystemExit(3)


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    """``a`` is given; names that begin with ``s`` are files."""
    files = {name: JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in ("s1", "s2")}
    return DataCatalog({"a": MemoryDataset(1), **files})


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def test_a_run_logs_its_progress(catalog: DataCatalog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi")
    SequentialRunner().run(Pipeline([node(same, "a", "b", name="n1"), node(same, "b", "c", name="n2")]), catalog)
    said = [line for line in lines(caplog, logging.INFO) if "ing data" not in line or "mode" in line]
    assert said[0].startswith("Using synchronous mode for loading and saving data.")
    assert said[1:-1] == [
        "Running node: n1: same([a]) -> [b]",
        "Completed node: n1",
        "Completed 1 out of 2 tasks",
        "Running node: n2: same([b]) -> [c]",
        "Completed node: n2",
        "Completed 2 out of 2 tasks",
    ]
    assert re.fullmatch(r"Pipeline execution completed successfully in \d+\.\d sec\.", said[-1])


def test_modes_are_named_where_there_are_any(catalog: DataCatalog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi")
    pipeline = Pipeline([node(same, "a", "b", name="n1")])
    ThreadRunner().run(pipeline, catalog)
    assert not any("mode" in line for line in lines(caplog, logging.INFO))
    SequentialRunner(is_async=True).run(pipeline, catalog)
    assert "Asynchronous mode is enabled for loading and saving data." in lines(caplog, logging.INFO)


def test_every_runner_counts_what_is_done(
    runner: AbstractRunner, catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi")
    runner.run(Pipeline([node(same, "a", f"b{n}", name=f"n{n}") for n in range(6)]), catalog)
    said = lines(caplog, logging.INFO)
    assert sorted(line for line in said if "out of" in line) == [f"Completed {n} out of 6 tasks" for n in range(1, 7)]
    assert {line for line in said if line.startswith("Running node")} == {
        f"Running node: n{n}: same([a]) -> [b{n}]" for n in range(6)
    }


def test_nodes_log_by_the_name_that_kedros_users_configure(
    runner: AbstractRunner, catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    """PIP-21, with credentials taken out (Q-23)."""
    with pytest.raises(ConnectionError):
        runner.run(Pipeline([node(tell_secret, "a", "b", name="n")]), catalog)
    (failure,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert failure.name == "kedro_asgi.pipeline.node"
    assert failure.getMessage() == (
        "Node n: tell_secret([a]) -> [b] failed with error: \nno answer from postgres://<redacted>@host/db"
    )


def test_a_node_that_is_run_directly_logs_no_credentials(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionError, match="pa55"):
        node(tell_secret, "a", "b", name="n").run({"a": 1})
    assert "pa55" not in caplog.text


CHAIN = [node(same, "a", "b", name="n1")]
CASES = {
    "nothing ran": ([node(boom, "a", "b", name="n1")], "No nodes ran. Repeat the previous command"),
    "memory between": ([*CHAIN, node(boom, "b", "c", name="n2")], '1 nodes that have not run.*--from-nodes "n1"'),
    "a file between": (
        [node(same, "a", "s1", name="n1"), node(boom, "s1", "c", name="n2"), node(same, "c", "d", name="n3")],
        '2 nodes that have not run.*--from-nodes "n2"',
    ),
    "a file and memory meet": (
        [
            node(same, "a", "s1", name="p1"),
            node(same, "a", "m2", name="q1"),
            node(boom, ["s1", "m2"], "j", name="join"),
        ],
        '1 nodes that have not run.*--from-nodes "q1"',
    ),
    "what is made again is behind files too": (
        [
            node(same, "a", "m", name="p1"),
            node(same, "m", "s1", name="p2"),
            node(boom, ["m", "s1"], "j", name="z"),
        ],
        '--from-nodes "p1"',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_failed_run_logs_where_to_go_on(
    runner: AbstractRunner, case: str, catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    nodes, expected = CASES[case]
    with pytest.raises(ValueError, match="no") as raised:
        runner.run(Pipeline(nodes), catalog)
    (hint,) = lines(caplog, logging.WARNING)
    assert re.search(expected, hint.replace("\n", " "))
    names = re.findall(r'--from-nodes "(.*)"', hint)
    assert describe_failure(raised.value).resume_from == tuple(names)


def test_leaving_the_process_is_no_failure_to_go_on_from(
    catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        SequentialRunner().run(Pipeline([node(leave, "a", "b", name="n1")]), catalog)
    assert lines(caplog, logging.WARNING) == []


def test_what_is_gone_is_made_again_in_whatever_format_it_was_saved() -> None:
    make, use = node(same, "a", "x@written", name="make"), node(same, "x@read", "y", name="use")
    names = resume_nodes(Pipeline([make, use]), [use], lambda name: name == "a", across_formats=True)
    assert names == ["make"]
