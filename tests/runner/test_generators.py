"""Generator nodes: each chunk is saved as it comes (RUN-15)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import runner_functions as functions
from kept_chunks import reading
from recorder import Recorder

from kedro_asgi.errors import DatasetError, RunCancelledError
from kedro_asgi.hooks import create_hook_manager
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.io.version import Version
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal

KINDS = {
    "def": SimpleNamespace(
        chunks=functions.chunks, pairs=functions.pairs, breaks=functions.breaks, tidy=functions.tidy
    ),
    "async def": SimpleNamespace(
        chunks=functions.chunks_later,
        pairs=functions.pairs_later,
        breaks=functions.breaks_later,
        tidy=functions.tidy_later,
    ),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> SimpleNamespace:
    """Generator functions of both kinds."""
    return KINDS[request.param]


class Sink:
    """A dataset that keeps all that it was ever given, up to a limit."""

    def __init__(self, limit: int = 100) -> None:
        self.saved: list[Any] = []
        self.limit = limit

    def load(self):
        return self.saved

    def save(self, data):
        if len(self.saved) == self.limit:
            raise OSError("full")
        self.saved.append(data)


def run(runner: AbstractRunner, function, outputs, data: DataCatalog, *hooks: object):
    return runner.run(Pipeline([node(function, "a", outputs, name="g")]), data, create_hook_manager(hooks))


def test_chunks_are_saved_one_by_one(sync_runner: AbstractRunner, recorder: Recorder, kind: SimpleNamespace) -> None:
    sink = Sink()
    run(sync_runner, kind.chunks, "out", DataCatalog({"a": MemoryDataset(3), "out": sink}), recorder)
    assert sink.saved == [0, 1, 2]
    saves = [call for n in range(3) for call in (("save", "out", n), ("saved", "out"))]
    assert recorder.calls[2:] == [("run", "g"), ("ran", "g"), *saves]


def test_several_outputs_take_turns(sync_runner: AbstractRunner, recorder: Recorder, kind: SimpleNamespace) -> None:
    one, two = Sink(), Sink()
    run(sync_runner, kind.pairs, ["one", "two"], DataCatalog({"a": MemoryDataset(2), "one": one, "two": two}), recorder)
    assert [call[1:] for call in recorder.calls if call[0] == "save"] == [
        ("one", 0),
        ("two", 0),
        ("one", 1),
        ("two", 10),
    ]
    assert (one.saved, two.saved) == ([0, 1], [0, 10])


def test_a_reader_gets_the_chunks_of_wanted_outputs(sync_runner: AbstractRunner, kind: SimpleNamespace) -> None:
    with reading("one") as stream:
        result = run(sync_runner, kind.pairs, ["one", "two"], DataCatalog({"a": MemoryDataset(2)}))
    assert [(chunk.output, chunk.value) for chunk in stream.chunks] == [("one", 0), ("one", 1)]
    assert {name: dataset.load() for name, dataset in result.items()} == {"one": 1, "two": 10}


def test_a_chunk_that_is_not_saved_is_not_given(sync_runner: AbstractRunner) -> None:
    data = DataCatalog({"a": MemoryDataset(3), "out": Sink(limit=1)})
    with reading("out") as stream, pytest.raises(DatasetError, match="full"):
        run(sync_runner, functions.chunks, "out", data)
    assert [chunk.value for chunk in stream.chunks] == [0]


class Stopping(Sink):
    """Asks the run to stop when it has its first chunk."""

    def __init__(self, stop: StopSignal) -> None:
        super().__init__()
        self.stop = stop

    def save(self, data):
        super().save(data)
        self.stop.stop(RunCancelledError())


def test_a_run_that_is_stopped_draws_no_further_chunk(sync_runner: AbstractRunner, kind: SimpleNamespace) -> None:
    sink = Stopping(StopSignal())
    token = STOP_SIGNAL.set(sink.stop)
    try:
        with pytest.raises(RunCancelledError):
            run(sync_runner, kind.chunks, "out", DataCatalog({"a": MemoryDataset(3), "out": sink}))
    finally:
        STOP_SIGNAL.reset(token)
    assert sink.saved == [0]


def test_outputs_may_be_named_by_the_chunks(sync_runner: AbstractRunner) -> None:
    result = run(sync_runner, functions.named_pairs, {"plus": "p", "minus": "m"}, DataCatalog({"a": MemoryDataset(3)}))
    assert {name: dataset.load() for name, dataset in result.items()} == {"p": 2, "m": -2}


def test_a_dataset_in_memory_ends_with_the_last_chunk(sync_runner: AbstractRunner, kind: SimpleNamespace) -> None:
    assert run(sync_runner, kind.chunks, "out", DataCatalog({"a": MemoryDataset(3)}))["out"].load() == 2


def test_what_came_before_a_failure_stays_saved(
    sync_runner: AbstractRunner, recorder: Recorder, kind: SimpleNamespace
) -> None:
    """RUN-16; in addition ``on_node_error`` is called (Q-28), with the inputs."""
    sink = Sink()
    with pytest.raises(ZeroDivisionError, match="no more than 5"):
        run(sync_runner, kind.breaks, "out", DataCatalog({"a": MemoryDataset(5), "out": sink}), recorder)
    assert sink.saved == [5]
    assert recorder.calls[-1] == ("error", "g", "ZeroDivisionError", {"a": 5})


def test_a_generator_whose_chunk_cannot_be_saved_is_closed(
    sync_runner: AbstractRunner, recorder: Recorder, tmp_path: Path, kind: SimpleNamespace
) -> None:
    data = DataCatalog({"a": MemoryDataset(str(tmp_path)), "out": Sink(limit=1)})
    with pytest.raises(Exception, match="full"):
        run(sync_runner, kind.tidy, "out", data, recorder)
    assert (tmp_path / "closed").exists()
    assert "error" not in [call[0] for call in recorder.calls], "a save that fails is not the node's error"


def test_a_chunk_of_another_shape_fails_before_anything_is_saved(sync_runner: AbstractRunner) -> None:
    one = Sink()
    data = DataCatalog({"a": MemoryDataset(1), "one": one, "two": Sink()})
    with pytest.raises(ValueError, match=r"returned 3 output\(s\)"):
        run(sync_runner, functions.wrong_shape, ["one", "two"], data)
    assert one.saved == []
    assert run(sync_runner, functions.same, "b", DataCatalog({"a": MemoryDataset(1)}))["b"].load() == 1


def test_no_chunks_save_nothing(sync_runner: AbstractRunner, kind: SimpleNamespace) -> None:
    """Q-25: with several outputs as with one."""
    for function, outputs in ((kind.chunks, "one"), (kind.pairs, ["one", "two"])):
        sinks = {"one": Sink(), "two": Sink()}
        run(sync_runner, function, outputs, DataCatalog({"a": MemoryDataset(0), **sinks}))
        assert sinks["one"].saved == []


def test_they_cannot_save_all_outputs_at_a_time(
    async_runner: AbstractRunner, recorder: Recorder, kind: SimpleNamespace
) -> None:
    with pytest.raises(ValueError, match="does not work with nodes wrapping generator functions"):
        run(async_runner, kind.chunks, "out", DataCatalog({"a": MemoryDataset(3)}), recorder)
    assert recorder.calls == [], "nothing was loaded"


def test_a_versioned_dataset_takes_one_chunk(sync_runner: AbstractRunner, tmp_path: Path) -> None:
    out = JSONDataset(filepath=str(tmp_path / "v.json"), version=Version(None, "2030-01-01T00.00.00.000Z"))
    with pytest.raises(Exception, match="must not exist if versioning is enabled"):
        run(sync_runner, functions.chunks, "out", DataCatalog({"a": MemoryDataset(2), "out": out}))
    assert out.load() == 0


def test_large_chunks_come_through(sync_runner: AbstractRunner) -> None:
    sink = Sink()
    run(sync_runner, functions.large, "out", DataCatalog({"a": MemoryDataset(4), "out": sink}))
    assert [len(chunk) for chunk in sink.saved] == [5_000_000] * 4
