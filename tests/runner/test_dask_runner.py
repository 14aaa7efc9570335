"""The promises of `DaskRunner` beside the contract of all runners."""

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import cluster_functions as functions
import dask.config
import msgspec
import pytest
import runner_functions
from cluster_functions import PidDataset, noted
from distributed import Client, LocalCluster, Worker
from distributed.security import Security

from kedro_asgi.errors import (
    ClusterDataLostError,
    ClusterUnreachableError,
    NodeNotStartedError,
    RunCancelledError,
    UnserialisableDataError,
    WorkerDiedError,
)
from kedro_asgi.events import DatasetSaved, Event, NodeFinished, NodeStarted
from kedro_asgi.hooks import RunHooks, create_hook_manager, hook_impl
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.io.version import Version
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.retries import EffectiveRetries, RetryPolicy
from kedro_asgi.runner import DaskRunner
from kedro_asgi.runner.cluster.cluster import CONTACT_HOST
from kedro_asgi.runner.cluster.cluster_run import ClusterRun
from kedro_asgi.runner.retrying import NodeRetries
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import KedroServiceSession
from project_files import write_project
from serving import clean_environment

AT_ONCE = RetryPolicy(retries=2, delay_seconds=0)


def catalog(**data: object) -> DataCatalog:
    return DataCatalog({name: MemoryDataset(value) for name, value in data.items()})


def run_one(runner: DaskRunner, function: Callable[..., object], x: object, **hooks: object) -> object:
    return runner.run(Pipeline([node(function, "x", "y", name="n")]), catalog(x=x), **hooks)["y"].load()


# --- where data is ---


def test_data_between_nodes_does_not_come_here(dask_runner: DaskRunner, tmp_path: Path) -> None:
    path = str(tmp_path / "travels")
    Path(path).touch()
    nodes = [node(functions.travelling, "x", "b", name="n1"), node(functions.path_of, "b", "c", name="n2")]
    data = catalog(x=path)
    assert dask_runner.run(Pipeline(nodes), data)["c"].load() == path
    assert str(os.getpid()) not in noted(path)
    assert not data.exists("b")


def test_datasets_are_loaded_and_saved_on_workers(dask_runner: DaskRunner, tmp_path: Path) -> None:
    data = DataCatalog({"x": MemoryDataset(1), "pids": PidDataset(str(tmp_path / "pids"))})
    nodes = [node(runner_functions.same, "x", "pids", name="n1"), node(runner_functions.same, "pids", "y", name="n2")]
    saved, loaded = dask_runner.run(Pipeline(nodes), data)["y"].load()
    assert str(os.getpid()) not in (saved, str(loaded))


def test_several_outputs_of_a_node_go_to_different_nodes(dask_runner: DaskRunner) -> None:
    nodes = [
        node(runner_functions.both, "x", ["p", "m"], name="n"),
        node(runner_functions.double, "p", "p2", name="np"),
        node(runner_functions.add, ["m", "p2"], "y", name="nm"),
    ]
    assert dask_runner.run(Pipeline(nodes), catalog(x=5))["y"].load() == 5


def test_an_output_that_the_caller_asks_for_comes_back_though_a_node_needs_it(dask_runner: DaskRunner) -> None:
    data = catalog(x=5)
    data.kept = frozenset({"b"})
    nodes = [node(runner_functions.double, "x", "b", name="n"), node(runner_functions.double, "b", "c", name="m")]
    assert dask_runner.run(Pipeline(nodes), data)["c"].load() == 20
    assert data.load("b") == 10


def test_nothing_of_a_run_stays_on_the_cluster(dask_runner: DaskRunner, dask_client: Client) -> None:
    nodes = [
        node(runner_functions.both, "x", ["p", "m"], name="n"),
        node(runner_functions.boom, "p", "q", name="boom"),
    ]
    with pytest.raises(ZeroDivisionError):
        dask_runner.run(Pipeline(nodes), catalog(x=5))
    runner_functions.wait_until(lambda: not dask_client.futures)
    assert dict(dask_client.futures) == {}


def test_a_run_loads_the_version_that_it_saved(dask_runner: DaskRunner, tmp_path: Path) -> None:
    path = str(tmp_path / "v.json")
    JSONDataset(filepath=path, version=Version(None, "v2")).save(0)
    data = DataCatalog({"x": MemoryDataset(7), "v": JSONDataset(filepath=path, version=Version(None, "v1"))})
    nodes = [node(runner_functions.same, "x", "v", name="n"), node(runner_functions.same, "v", "y", name="m")]
    result = dask_runner.run(Pipeline(nodes), data)
    assert (result["y"].load(), data["v"].resolve_load_version()) == (7, "v1")


def test_functions_without_an_importable_name_can_be_sent(dask_runner: DaskRunner) -> None:
    offset = 3
    assert run_one(dask_runner, lambda x: x + offset, 1) == 4


@pytest.mark.parametrize("is_needed", [False, True])
def test_an_output_that_cannot_be_sent_is_named(dask_runner: DaskRunner, *, is_needed: bool) -> None:
    """Also where the node that needs it would run on the same worker."""
    nodes = [node(runner_functions.lock, "x", "l", name="n")]
    more = [node(runner_functions.same, "l", "y", name="m")] if is_needed else []
    with pytest.raises(UnserialisableDataError, match=r"^l: <class '_thread.lock'> cannot be serialised"):
        dask_runner.run(Pipeline(nodes + more), catalog(x=1))


def test_an_input_that_cannot_be_sent_is_named(dask_runner: DaskRunner) -> None:
    data = DataCatalog({"x": MemoryDataset(threading.Lock(), copy_mode="assign")})
    with pytest.raises(UnserialisableDataError, match=r"^x: <class '_thread.lock'>"):
        dask_runner.run(Pipeline([node(runner_functions.same, "x", "y", name="n")]), data)


# --- hooks, events, log lines ---


def test_hooks_that_see_no_data_leave_it_on_the_cluster(dask_runner: DaskRunner, tmp_path: Path) -> None:
    path, seen = str(tmp_path / "travels"), []
    Path(path).touch()

    class Timing:
        @hook_impl
        def before_node_run(self, node):
            seen.append(f"before {node.name}")

        @hook_impl
        def after_node_run(self, node):
            seen.append(f"after {node.name}")

        @hook_impl
        def on_node_error(self, node, error):
            seen.append(f"{node.name}: {error}")

    nodes = [
        node(functions.travelling, "x", "b", name="n"),
        node(functions.path_of, "b", "c", name="m"),
        node(runner_functions.boom, "c", "d", name="o"),
    ]
    with pytest.raises(ZeroDivisionError):
        dask_runner.run(Pipeline(nodes), catalog(x=path), create_hook_manager([Timing()]))
    assert seen == ["before n", "after n", "before m", "after m", "before o", f"o: no {path}"]
    assert str(os.getpid()) not in noted(path)


def test_a_hook_that_sees_no_data_may_replace_inputs(dask_runner: DaskRunner) -> None:
    class Replacing:
        @hook_impl
        def before_node_run(self, node):
            return {"x": 50}

    assert run_one(dask_runner, runner_functions.double, 1, hook_manager=create_hook_manager([Replacing()])) == 100


def test_events_tell_when_workers_take_nodes(dask_runner: DaskRunner, tmp_path: Path) -> None:
    events: list[Event] = []
    told_at: dict[tuple[type[Event], str], float] = {}
    opened_at: list[float] = []
    gate = tmp_path / "gate"

    def open_gate() -> None:
        opened_at.append(perf_counter())
        gate.touch()

    timers: list[threading.Timer] = []

    def tell(event: Event) -> None:
        events.append(event)
        told_at[type(event), getattr(event, "node", "")] = perf_counter()
        if sum(isinstance(event, NodeStarted) for event in events) == 2 and not timers:
            # Two workers hold two nodes; the others would begin now if nothing kept them.
            timers.append(threading.Timer(0.5, open_gate))
            timers[0].start()

    nodes = [node(functions.touch_and_wait, ["path", "gate"], f"y{n}", name=f"n{n}") for n in range(4)]
    data = catalog(path=str(tmp_path / "began"), gate=str(gate))
    dask_runner.run(Pipeline(nodes), data, RunHooks(emit=tell), "r")
    counts = [sum(isinstance(event, kind) for event in events) for kind in (NodeStarted, DatasetSaved, NodeFinished)]
    assert counts == [4, 4, 4]
    # Two workers take two nodes, and the others wait.
    assert [type(event) for event in events[:2]] == [NodeStarted, NodeStarted]
    durations = {event.node: event.duration_ms / 1000 for event in events if isinstance(event, NodeFinished)}
    first = [event.node for event in events[:2]]
    for name in first:
        assert durations[name] > opened_at[0] - told_at[NodeStarted, name]
    for name in durations.keys() - set(first):
        assert told_at[NodeStarted, name] > opened_at[0]
        # Without its wait for a worker.
        assert durations[name] < told_at[NodeFinished, name] - opened_at[0]


def test_what_nodes_log_is_logged_here(dask_runner: DaskRunner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi")
    caplog.set_level(logging.DEBUG, "functions")
    run_one(dask_runner, runner_functions.logs, 3)
    told = [record.getMessage().splitlines()[0] for record in caplog.records if record.name == "functions"]
    assert told == ["not wanted", "working on 3", "it broke"]
    assert caplog.records[-1].process == os.getpid()
    loads = [text for text in caplog.messages if text.startswith("Loading data from x")]
    assert loads == ["Loading data from x (MemoryDataset)..."], "once, not on both sides"


# --- failures: those that kill workers of the cluster take their time, since others start in their place ---


@pytest.mark.slow
def test_a_worker_that_dies_fails_its_node_once_and_no_other_run(
    dask_runner: DaskRunner, dask_client: Client, tmp_path: Path
) -> None:
    path, began, gate = str(tmp_path / "calls"), tmp_path / "began", tmp_path / "gate"
    # Another test may have killed one.
    dask_client.wait_for_workers(2)
    nodes = [node(functions.touch_and_wait, ["path", "gate"], "y", name="n")]
    told = []

    class Telling:
        @hook_impl
        def on_node_error(self, node, error):
            told.append((node.name, isinstance(error, WorkerDiedError)))

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(dask_runner.run, Pipeline(nodes), catalog(path=str(began), gate=str(gate)))
        try:
            runner_functions.wait_until(began.exists)
            with pytest.raises(WorkerDiedError, match="while node 'n' was running"):
                run_one(dask_runner, functions.die, path, hook_manager=create_hook_manager([Telling()]))
        finally:
            gate.touch()
        assert other.result()["y"].load() == str(began)
    assert told == [("n", True)]
    assert len(noted(path)) == 1
    assert run_one(dask_runner, runner_functions.double, 2) == 4


@pytest.mark.slow
def test_a_worker_that_dies_counts_as_an_attempt(dask_runner: DaskRunner, tmp_path: Path) -> None:
    retries = RunHooks(retries=NodeRetries(EffectiveRetries(run=None, node=AT_ONCE)))
    path = str(tmp_path / "calls")
    assert run_one(dask_runner, functions.die_once, path, hook_manager=retries) == "alive"
    assert len(noted(path)) == 2


@pytest.mark.slow
def test_data_that_is_lost_with_a_worker_is_not_made_again(
    dask_runner: DaskRunner, dask_client: Client, tmp_path: Path
) -> None:
    path = str(tmp_path / "calls")
    # Another test may have killed one, and the data of another test may go a moment after its end.
    dask_client.wait_for_workers(2)
    runner_functions.wait_until(lambda: not dask_client.who_has())

    class Killing:
        @hook_impl
        def after_node_run(self, node):
            if node.name == "n":
                # The first answer may come before Dask knows of the result.
                while not (holders := [holder for holders in dask_client.who_has().values() for holder in holders]):
                    pass
                dask_client.run(os._exit, 1, workers=holders, on_error="ignore")

    nodes = [node(functions.note, "x", "b", name="n"), node(runner_functions.same, "b", "c", name="m")]
    with pytest.raises(ClusterDataLostError, match="The outputs of node 'n' in memory are lost"):
        dask_runner.run(Pipeline(nodes), catalog(x=path), create_hook_manager([Killing()]))
    assert len(noted(path)) == 1


def test_no_node_starts_after_a_failure_though_workers_have_it_in_their_queues(
    dask_runner: DaskRunner, dask_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, refused, began = str(tmp_path / "calls"), tmp_path / "refused", [tmp_path / "began0", tmp_path / "began1"]
    refuse = ClusterRun.refuse

    def refuse_and_tell(run: ClusterRun) -> None:
        refuse(run)
        refused.touch()

    class Failing:
        @hook_impl
        def before_node_run(self, node):
            if node.name not in ("b0", "b1"):
                runner_functions.wait_until(lambda: all(path.exists() for path in began))
            if node.name == "a":
                runner_functions.wait_until(lambda: sum(map(len, dask_client.processing().values())) > 2)
                raise ZeroDivisionError("as told")

    # The nodes b0 and b1 keep the threads of both workers until the run knows of the failure. Only then can these begin
    # with the nodes that they have been given meanwhile.
    monkeypatch.setattr(ClusterRun, "refuse", refuse_and_tell)
    events: list[Event] = []
    nodes = [
        node(functions.note, "path", "a", name="a"),
        *[node(functions.touch_and_wait, [f"began{n}", "refused"], f"b{n}", name=f"b{n}") for n in range(2)],
        *[node(functions.note, "path", f"z{n}", name=f"z{n}") for n in range(6)],
    ]
    data = catalog(path=path, refused=str(refused), **{place.name: str(place) for place in began})
    hooks = msgspec.structs.replace(RunHooks.of(create_hook_manager([Failing()])), emit=events.append)
    with pytest.raises(ZeroDivisionError, match="as told"):
        dask_runner.run(Pipeline(nodes), data, hooks, "r")
    assert not Path(path).exists()
    assert {event.node for event in events if isinstance(event, NodeStarted)} - {"a"} == {"b0", "b1"}


@pytest.mark.parametrize(
    ("function", "trace"), [(functions.wait_for_ever, "cancelled"), (functions.chunks_for_ever, "closed")]
)
def test_a_stop_reaches_nodes_that_run_and_those_that_wait(
    dask_runner: DaskRunner, tmp_path: Path, function: Callable[..., object], trace: str
) -> None:
    path, stop = tmp_path / "began", StopSignal()

    def stop_when_begun() -> None:
        runner_functions.wait_until(path.exists)
        stop.stop(RunCancelledError())

    stopping = threading.Thread(target=stop_when_begun)
    token = STOP_SIGNAL.set(stop)
    try:
        stopping.start()
        nodes = [node(function, "x", f"y{n}", name=f"n{n}") for n in range(5)]
        with pytest.raises(RunCancelledError):
            dask_runner.run(Pipeline(nodes), catalog(x=str(path)))
    finally:
        STOP_SIGNAL.reset(token)
        stopping.join()
    runner_functions.wait_until(Path(f"{path}.{trace}").exists)
    assert Path(f"{path}.{trace}").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_workers_reach_this_process_at_the_host_that_the_configuration_names(dask_client: Client, host: str) -> None:
    with dask.config.set({CONTACT_HOST: host}):
        runner = DaskRunner(client=dask_client)
        assert run_one(runner, runner_functions.double, 2) == 4
    runner.close()


def test_a_worker_that_cannot_reach_this_process_says_so(dask_client: Client) -> None:
    with dask.config.set({CONTACT_HOST: "no-such-host.invalid"}):
        runner = DaskRunner(client=dask_client)
        with pytest.raises(NodeNotStartedError, match=r"'n': a worker cannot reach .* at no-such-host.invalid:\d+: "):
            run_one(runner, runner_functions.double, 2)
    runner.close()


def test_a_stranger_at_the_port_delays_nothing(dask_runner: DaskRunner) -> None:
    run_one(dask_runner, runner_functions.same, 1)
    listener = next(iter(dask_runner._pool._resources.values())).listener
    address = listener._socket.getsockname()
    with socket.create_connection(address), socket.create_connection(address) as other:
        other.sendall(b"GET / HTTP/1.1\r\n")
        assert run_one(dask_runner, runner_functions.double, 2) == 4
        assert other.recv(1) == b""


def test_an_interrupt_does_not_wait_for_nodes_and_they_save_nothing_any_more(
    dask_runner: DaskRunner, dask_client: Client, tmp_path: Path
) -> None:
    """As when the process of the run dies: another one may run the same pipeline by then."""
    path, told, pids = tmp_path / "began", tmp_path / "told", tmp_path / "pids"
    nodes = [node(functions.touch_and_wait, ["path", "told"], "pids", name="n")]
    data = DataCatalog({"path": str(path), "told": str(told), "pids": PidDataset(str(pids))})

    # It goes by value: a worker in place of a killed one does not find the modules of tests before its first node.
    def executing_count(dask_worker: Worker) -> int:
        return dask_worker.state.executing_count

    def interrupt() -> None:
        runner_functions.wait_until(path.exists)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            dask_runner.run(Pipeline(nodes), data)
        assert not told.exists()
    finally:
        interrupting.join()
        told.touch()
    runner_functions.wait_until(lambda: not any(dask_client.run(executing_count).values()))
    assert not pids.exists()


# --- which cluster ---


def test_a_client_that_has_given_up_is_replaced(dask_client: Client) -> None:
    runner = DaskRunner(dask_client.scheduler.address)
    assert run_one(runner, runner_functions.double, 1) == 2
    next(iter(runner._pool._resources.values())).client.close()
    assert run_one(runner, runner_functions.double, 2) == 4
    runner.close()


def test_an_address_that_nobody_answers_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    runner = DaskRunner(client_args={"address": address, "timeout": 0.2})
    with pytest.raises(ClusterUnreachableError, match=f"No Dask scheduler answers at '{address}'"):
        run_one(runner, runner_functions.same, 1)


def test_a_process_that_may_have_no_children_is_told_to_name_a_scheduler(tmp_path: Path) -> None:
    script = """
        import multiprocessing
        from kedro_asgi.errors import ClusterUnreachableError
        from kedro_asgi.runner.cluster.cluster import Cluster

        def open_one():
            try:
                Cluster()
            except ClusterUnreachableError as error:
                print(error)

        if __name__ == "__main__":
            process = multiprocessing.get_context("fork").Process(target=open_one, daemon=True)
            process.start()
            process.join()
    """
    line = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=240, cwd=tmp_path, env=clean_environment())
    assert "A local Dask cluster cannot start" in done.stdout, done.stderr
    assert "name a scheduler, for example by KEDRO_SERVER_DASK_SCHEDULER" in done.stdout


def test_runs_of_a_session_share_a_client(dask_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request names the runner, and the environment the scheduler."""
    monkeypatch.setenv("KEDRO_SERVER_DASK_SCHEDULER", dask_client.scheduler.address)
    project = write_project(
        tmp_path,
        {
            "src/{package}/settings.py": "",
            "src/{package}/nodes.py": """
                from kedro.framework.project import settings

                def describe(x):
                    return [x, settings.CONF_SOURCE]
            """,
            "src/{package}/pipeline_registry.py": """
                from kedro_asgi.pipeline import node, pipeline
                from {package}.nodes import describe

                def register_pipelines():
                    return {{"__default__": pipeline([node(describe, "params:x", "y", name="n")])}}
            """.replace("{{", "{").replace("}}", "}"),
            "conf/base/parameters.yml": "x: 3\n",
        },
    )
    with KedroServiceSession.create(project_path=project) as session:
        for number in range(2):
            result = session.execute(RunSpec(runner="DaskRunner", runtime_params={"x": number}))
            assert result.outputs["y"] == [number, "conf"]


@pytest.mark.slow
def test_connections_are_encrypted_on_a_cluster_with_tls() -> None:
    security = Security.temporary()
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", security=security, protocol="tls://"
        ) as cluster,
        Client(cluster, security=security, set_as_default=False) as client,
    ):
        runner = DaskRunner(client=client)
        nodes = [node(runner_functions.double, "x", "b", name="n"), node(runner_functions.double, "b", "y", name="m")]
        assert runner.run(Pipeline(nodes), catalog(x=1))["y"].load() == 4
        address = next(iter(runner._pool._resources.values())).listener._socket.getsockname()
        with socket.create_connection(address) as plain:
            plain.sendall(b"x" * 64)
            # An alert of TLS, or the end.
            with suppress(ConnectionResetError):
                assert plain.recv(1) in (b"\x15", b"")
        runner.close()
