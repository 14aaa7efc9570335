"""Nodes that are tried again: every runner, every kind of node, and the waits between attempts."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from recorder import Recorder
from runner_functions import double, fail_until, fail_until_async, flaky_chunks

from kedro_asgi.errors import RunCancelledError
from kedro_asgi.events import Event, NodeRetried, NodeStarted
from kedro_asgi.hooks import RunHooks, create_hook_manager
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.io.version import Version
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.retries import EffectiveRetries, RetryPolicy
from kedro_asgi.runner import AbstractRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.retrying import NodeRetries
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal

AT_ONCE = RetryPolicy(retries=2, delay_seconds=0)
FOR_EVER = RetryPolicy(retries=2, delay_seconds=86400, max_delay_seconds=86400)


def hooks_with(
    policy: RetryPolicy, emit: Callable[[Event], None] | None = None, *, hook: object = None, **tags: RetryPolicy
) -> RunHooks:
    manager = create_hook_manager()
    if hook is not None:
        manager.register(hook)
    retries = NodeRetries(EffectiveRetries(node=policy, tags=tags))
    return msgspec.structs.replace(RunHooks.of(manager), emit=emit, retries=retries)


def flaky(folder: Path, count: int, function: Callable[..., Any] = fail_until) -> tuple[Pipeline, DataCatalog]:
    """Return a pipeline whose node fails so many times."""
    pipeline = Pipeline(
        [node(function, ["calls", "count"], "out", name="flaky"), node(double, "out", "twice", name="n")]
    )
    data = {"calls": MemoryDataset(str(folder / "calls")), "count": MemoryDataset(count)}
    return pipeline, DataCatalog(data)


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events if getattr(event, "node", None) == "flaky"]


@pytest.mark.parametrize("function", [fail_until, fail_until_async])
def test_a_node_is_tried_again_until_it_succeeds(
    runner: AbstractRunner, tmp_path: Path, function: Callable[..., Any]
) -> None:
    events: list[Event] = []
    pipeline, data = flaky(tmp_path, 2, function)
    assert runner.run(pipeline, data, hooks_with(AT_ONCE, events.append))["twice"].load() == 6
    assert kinds(events) == [
        *("NodeStarted", "NodeRetried", "NodeStarted", "NodeRetried", "NodeStarted", "DatasetSaved", "NodeFinished")
    ]
    retried = [event for event in events if isinstance(event, NodeRetried)]
    assert [(event.attempt, event.error.type, event.delay_seconds) for event in retried] == [
        (1, "ConnectionError", 0),
        (2, "ConnectionError", 0),
    ]
    assert "call 1" in retried[0].error.message
    assert [event.attempt for event in events if isinstance(event, NodeStarted)][1:3] == [2, 3]


def test_the_error_of_the_last_attempt_is_raised(runner: AbstractRunner, tmp_path: Path) -> None:
    events: list[Event] = []
    pipeline, data = flaky(tmp_path, 9)
    with pytest.raises(ConnectionError, match="call 3"):
        runner.run(pipeline, data, hooks_with(AT_ONCE, events.append))
    assert kinds(events)[-2:] == ["NodeStarted", "NodeFailed"]


def test_retries_need_no_receiver_of_events(sync_runner: AbstractRunner, tmp_path: Path) -> None:
    assert sync_runner.run(*flaky(tmp_path, 2), hooks_with(AT_ONCE))["twice"].load() == 6


@pytest.mark.parametrize(
    ("names", "is_tried_again"),
    [
        (("ConnectionError",), True),
        (("OSError",), True),
        (("builtins.ConnectionError",), True),
        (("ValueError", "Exception"), True),
        (("ValueError",), False),
        (("requests.ConnectionError",), False),
        (("TimeoutError",), False),
    ],
)
def test_errors_are_named_with_their_bases(tmp_path: Path, names: tuple[str, ...], is_tried_again: bool) -> None:
    policy = RetryPolicy(retries=1, delay_seconds=0, errors=names)
    try:
        SequentialRunner().run(*flaky(tmp_path, 1), hooks_with(policy))
    except ConnectionError:
        assert not is_tried_again
    else:
        assert is_tried_again


def test_an_error_of_a_dataset_counts_as_what_caused_it(tmp_path: Path) -> None:
    class Flaky(MemoryDataset):
        def load(self) -> Any:
            if next(numbers) < 2:
                raise ConnectionError("it hung up")
            return super().load()

    numbers = itertools.count()
    policy = RetryPolicy(retries=2, delay_seconds=0, errors=("ConnectionError",))
    pipeline = Pipeline([node(double, "a", "b", name="n")])
    assert SequentialRunner().run(pipeline, DataCatalog({"a": Flaky(2)}), hooks_with(policy))["b"].load() == 4


def test_a_tag_has_a_policy_of_its_own(tmp_path: Path) -> None:
    pipeline, data = flaky(tmp_path, 2)
    pipeline = Pipeline(pipeline, tags="remote")
    never = RetryPolicy(retries=0)
    assert SequentialRunner().run(pipeline, data, hooks_with(never, remote=AT_ONCE))["twice"].load() == 6
    (tmp_path / "calls").unlink()
    with pytest.raises(ConnectionError, match="call 1"):
        SequentialRunner().run(pipeline, data, hooks_with(AT_ONCE, remote=never))


def test_every_attempt_calls_all_hooks_of_a_node(tmp_path: Path, recorder: Recorder) -> None:
    SequentialRunner().run(*flaky(tmp_path, 1), hooks_with(AT_ONCE, hook=recorder))
    attempt = [("load", "calls"), ("loaded", "calls"), ("load", "count"), ("loaded", "count"), ("run", "flaky")]
    names = recorder.names()
    assert names[:12] == [*attempt, ("error", "flaky"), *attempt, ("ran", "flaky")]


# --- what cannot be repeated ---


def test_an_iterator_that_is_used_up_is_not_given_again(tmp_path: Path) -> None:
    def total(values: Iterator[int]) -> int:
        next(values)
        raise ConnectionError("half way")

    events: list[Event] = []
    data = DataCatalog({"values": MemoryDataset(iter([1, 2]), copy_mode="assign")})
    with pytest.raises(ConnectionError):
        SequentialRunner().run(
            Pipeline([node(total, "values", "b", name="flaky")]), data, hooks_with(AT_ONCE, events.append)
        )
    assert kinds(events) == ["NodeStarted", "NodeFailed"]


def test_a_generator_is_tried_again_until_it_has_saved_a_chunk(sync_runner: AbstractRunner, tmp_path: Path) -> None:
    def pipeline(saved: int) -> tuple[Pipeline, DataCatalog]:
        data = {"calls": str(tmp_path / "calls"), "saved": saved}
        nodes = [node(flaky_chunks, ["calls", "saved"], "out", name="flaky")]
        return Pipeline(nodes), DataCatalog({name: MemoryDataset(value) for name, value in data.items()})

    assert sync_runner.run(*pipeline(0), hooks_with(AT_ONCE))["out"].load() == 2
    (tmp_path / "calls").unlink()
    events: list[Event] = []
    with pytest.raises(ConnectionError, match="call 1"):
        sync_runner.run(*pipeline(1), hooks_with(AT_ONCE, events.append))
    assert kinds(events) == ["NodeStarted", "DatasetSaved", "NodeFailed"]


def test_a_version_that_is_saved_is_not_saved_again(tmp_path: Path) -> None:
    class Refusing(MemoryDataset):
        def save(self, data: Any) -> None:
            raise ConnectionError("full")

    versioned = JSONDataset(filepath=str(tmp_path / "b.json"), version=Version(None, "1"))
    data = DataCatalog({"a": MemoryDataset(1), "b": versioned, "c": Refusing()})
    events: list[Event] = []
    with pytest.raises(Exception, match="full"):
        SequentialRunner().run(
            Pipeline([node(lambda x: (x, x), "a", ["b", "c"], name="flaky")]), data, hooks_with(AT_ONCE, events.append)
        )
    assert kinds(events) == ["NodeStarted", "DatasetSaved", "NodeFailed"]


# --- waits ---


def test_a_stop_ends_the_wait_for_an_attempt_at_once(sync_runner: AbstractRunner, tmp_path: Path) -> None:
    stop, events = StopSignal(), list[Event]()

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, NodeRetried):
            threading.Thread(target=stop.stop, args=(RunCancelledError(),)).start()

    token = STOP_SIGNAL.set(stop)
    try:
        with pytest.raises(RunCancelledError):
            sync_runner.run(*flaky(tmp_path, 1), hooks_with(FOR_EVER, emit))
    finally:
        STOP_SIGNAL.reset(token)
    assert kinds(events) == ["NodeStarted", "NodeRetried", "NodeCancelled"]


def test_the_failure_of_another_node_ends_the_wait_for_an_attempt(tmp_path: Path) -> None:
    waits = threading.Event()

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, NodeRetried):
            waits.set()

    def fail(x: int) -> int:
        assert waits.wait(60)
        raise LookupError("no more")

    events: list[Event] = []
    pipeline, data = flaky(tmp_path, 1)
    with pytest.raises(LookupError):
        ThreadRunner(max_workers=2).run(
            pipeline + Pipeline([node(fail, "count", "other", name="other")]),
            data,
            hooks_with(RetryPolicy(retries=1, delay_seconds=86400, max_delay_seconds=86400, errors=("OSError",)), emit),
        )
    assert kinds(events) == ["NodeStarted", "NodeRetried", "NodeFailed"]


def test_waits_grow_up_to_their_maximum() -> None:
    policy = RetryPolicy(retries=9, delay_seconds=1, backoff=3, max_delay_seconds=10, jitter=0)
    assert [policy.wait_seconds(attempt) for attempt in (1, 2, 3, 4, 100)] == [1, 3, 9, 10, 10]


def test_chance_changes_a_wait_by_its_part() -> None:
    policy = RetryPolicy(retries=9, delay_seconds=10, jitter=0.5)
    waits = [policy.wait_seconds(1) for _ in range(100)]
    assert 5 <= min(waits) < max(waits) <= 15
