"""Runs in processes can be killed, and they can crash."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path

import anyio
import msgspec
import pytest

from kedro_asgi.dispatch import Dispatcher, ExecutorChoice, Policy
from kedro_asgi.dispatch.executors.process.executor import ProcessExecutor
from kedro_asgi.dispatch.executors.process.memory import private_bytes
from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import PipelineCrashingError
from kedro_asgi.events import NodeCancelled, NodeFailed, NodeStarted
from kedro_asgi.retries import Retries, RetryPolicy
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM
from kedro_asgi.runs import RunOrder, RunRecord, RunSpec, Slice
from kedro_asgi.session import AsyncSession, KedroServiceSession
from kedro_asgi.session.chunk_queue import ChunkQueue
from project_files import write_project

pytestmark = pytest.mark.anyio

REGISTRY = """
import ctypes, logging, os, re, signal, subprocess, sys, time
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def end(how):
    match how:
        case "abort":
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(7)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "close":
            os.closerange(3, 4096)
            time.sleep(60)
    return how

def crash(x):
    os._exit(1)

def crash_later(x):
    yield x
    os._exit(1)

def compute(x):
    while True:
        x += 1

def hold_gil(x):
    # Matching backtracks for years, and no other thread of the process runs meanwhile.
    return re.match("(a+)+b", "a" * 60)

def swallow(x):
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def clean_up(x):
    program = subprocess.Popen(["sleep", "60"])
    try:
        Path("{folder}/program").write_text(f"{program.pid}\\n")
        time.sleep(60)
    finally:
        Path("{folder}/cleaned").touch()

def fork_and_exit(x):
    if os.fork() == 0:
        time.sleep(120)
        os._exit(0)
    os._exit(3)

def log_object(x):
    logging.getLogger("project").warning("logged with an object", extra={"thing": object(), "day": "Monday"})
    return x

def pid(x):
    return os.getpid()

def same(value):
    return value

def fill(mebibytes):
    data = bytearray(int(mebibytes) * 2**20)
    time.sleep(60)
    return len(data)

def leak(mebibytes):
    fill.kept = bytearray(int(mebibytes) * 2**20)
    return os.getpid()

def single(function, parameter="a"):
    name = function.__name__
    return Pipeline([node(function, f"params:{parameter}", name + "_done", name=name)])

def register_pipelines():
    return {
        "__default__": Pipeline([]),
        "end": single(end, "how"),
        "crash": single(crash),
        "crash_later": single(crash_later),
        "compute": single(compute),
        "hold_gil": single(hold_gil),
        "swallow": single(swallow),
        "clean_up": single(clean_up),
        "fork_and_exit": single(fork_and_exit),
        "log_object": single(log_object),
        "pid": single(pid),
        "fill": single(fill, "mebibytes"),
        "leak": single(leak, "mebibytes"),
        "same": Pipeline([node(same, "value", "given", name="same")]),
    }
"""


def order(pipeline: str, *, outputs: tuple[str, ...] = (), **spec: object) -> RunOrder:
    return RunOrder(spec=RunSpec(slice=Slice(pipeline_names=(pipeline,)), outputs=outputs, **spec))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def project(folder: Path) -> Path:
    files = {
        "conf/base/parameters.yml": "a: 1\nhow: abort\nmebibytes: 1\n",
        "src/{package}/pipeline_registry.py": REGISTRY.replace("{folder}", str(folder)),
    }
    return write_project(folder / "project", files)


@pytest.fixture(scope="module")
async def runs(anyio_backend: str, project: Path) -> AsyncIterator[Dispatcher]:
    """An open dispatcher with processes; tests share it, since processes take a second to start."""
    async with opened(project, max_concurrent_runs=2) as runs:
        yield runs


def opened(project: Path, **policy: object) -> Dispatcher:
    session = AsyncSession.create(project_path=project)
    choice = ExecutorChoice(default="process")
    return Dispatcher(session, policy=Policy(**{"grace_seconds": 0.0, **policy}), executor=choice)


async def until_working(runs: Dispatcher, run_id: str) -> None:
    with anyio.fail_after(60):
        async with aclosing(runs.follow(run_id)) as told:
            async for published in told:
                if isinstance(published.event, NodeStarted):
                    return


async def cancelled(runs: Dispatcher, pipeline: str) -> tuple[RunRecord, float]:
    """Cancel a run within its node; return its record and how many seconds that took."""
    run = await runs.submit(pipeline)
    await until_working(runs, run.run_id)
    return await cancel(runs, run.run_id)


async def cancel(runs: Dispatcher, run_id: str) -> tuple[RunRecord, float]:
    started = time.monotonic()
    with anyio.fail_after(60):
        await runs.cancel(run_id)
        record = await runs.wait(run_id)
    return record, time.monotonic() - started


@pytest.mark.parametrize(
    "pipeline", ["hold_gil", *(pytest.param(name, marks=pytest.mark.slow) for name in ("compute", "swallow"))]
)
async def test_a_run_ends_soon_whatever_its_node_does(runs: Dispatcher, pipeline: str) -> None:
    record, seconds = await cancelled(runs, pipeline)
    assert (record.status, record.error.type) == ("cancelled", "RunCancelledError")
    # Less than one second where the machine is not busy with other tests; the node goes on for a minute at least.
    assert seconds < 20
    async with aclosing(runs.follow(record.run_id)) as told:
        events = [published.event async for published in told]
    assert [event.node for event in events if isinstance(event, NodeCancelled)] == [pipeline]
    assert runs.gauges()["runs_running"] == 0
    assert (await runs.run(order("pid"))).record.status == "success"


@pytest.mark.slow
async def test_a_run_that_crashes_after_its_reader_has_a_chunk_is_not_tried_again(runs: Dispatcher) -> None:
    queue = ChunkQueue(["crash_later_done"], convert=encode_output)
    CHUNK_STREAM.set(queue)
    retries = Retries(run=RetryPolicy(retries=2, delay_seconds=0))
    record = (await runs.run(order("crash_later", outputs=("crash_later_done",), retries=retries))).record
    assert (record.error.type, record.run_attempt) == ("RunCrashedError", 1)
    assert [bytes(chunk.value) for chunk in await queue.take()] == [b"1"]


@pytest.mark.slow
async def test_a_deadline_ends_a_run_that_computes(runs: Dispatcher) -> None:
    run = await runs.submit("compute", timeout_seconds=0.2)
    record = await runs.wait(run.run_id, timeout_seconds=60)
    assert (record.status, record.error.type) == ("timed_out", "RunTimedOutError")


async def test_a_node_that_is_interrupted_cleans_up_and_its_programs_end(project: Path, folder: Path) -> None:
    session, policy = AsyncSession.create(project), Policy(max_concurrent_runs=1, grace_seconds=0.0)
    # On a busy machine, a node may need longer for its end than it has.
    executor = partial(ProcessExecutor, session, encode_output, policy, kill_seconds=60.0)
    async with Dispatcher(session, policy=policy, make_executor=executor) as runs:
        # Without a limit: the process opens the project first.
        assert (await runs.run(order("pid"))).record.status == "success"
        run = await runs.submit("clean_up")
        # The node starts its program after the server is told of the node.
        await until(lambda: (folder / "program").exists() and (folder / "program").read_text().endswith("\n"))
        assert (await cancel(runs, run.run_id))[0].status == "cancelled"
    assert (folder / "cleaned").exists()
    program = int((folder / "program").read_text())
    await until(lambda: has_ended(program))


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("abort", "SIGABRT ended it"),
        pytest.param("segfault", "SIGSEGV ended it", marks=pytest.mark.slow),
        pytest.param("exit", "it ended with exit code 7", marks=pytest.mark.slow),
        pytest.param("killed", "SIGKILL ended it", marks=pytest.mark.slow),
        pytest.param("close", "the server killed it, as it had closed its connection", marks=pytest.mark.slow),
    ],
)
async def test_a_crash_fails_the_run_and_nothing_else(runs: Dispatcher, how: str, text: str) -> None:
    async with anyio.create_task_group() as tasks:
        others: list[str] = []
        tasks.start_soon(collect, others, runs, order("pid"))
        record = (await runs.run(order("end", runtime_params={"how": how}))).record
    assert (record.status, record.error.type, record.error.node) == ("failure", "RunCrashedError", "end")
    assert record.error.message.startswith(f"The process of the run ended in node 'end': {text}")
    async with aclosing(runs.follow(record.run_id)) as told:
        assert [published.event.node async for published in told if isinstance(published.event, NodeFailed)] == ["end"]
    assert others == ["success"]
    assert (await runs.run(order("end", runtime_params={"how": "well"}))).record.status == "success"


async def collect(found: list[str], runs: Dispatcher, wanted: RunOrder) -> None:
    found.append((await runs.run(wanted)).record.status)


@pytest.mark.slow
async def test_a_crash_is_noticed_while_a_forked_program_holds_the_pipe(runs: Dispatcher) -> None:
    with anyio.fail_after(60):
        record = (await runs.run(order("fork_and_exit"))).record
    assert record.error.message == "The process of the run ended in node 'fork_and_exit': it ended with exit code 3."


async def test_records_of_the_log_may_hold_any_object(runs: Dispatcher, caplog: pytest.LogCaptureFixture) -> None:
    assert (await runs.run(order("log_object"))).record.status == "success"
    line = next(line for line in caplog.records if line.name == "project")
    assert (line.getMessage(), line.day) == ("logged with an object", "Monday")


async def test_a_session_that_cannot_be_sent_fails_the_runs(project: Path) -> None:
    session = AsyncSession(lambda: KedroServiceSession.create(project_path=project))
    async with Dispatcher(session, executor=ExecutorChoice(default="process")) as runs:
        record = (await runs.run(order("pid"))).record
    assert record.error.type == "NoProcessError"
    assert "lambda" in record.error.message


@pytest.mark.slow
async def test_a_pipeline_that_crashed_three_times_is_refused(runs: Dispatcher) -> None:
    for _ in range(3):
        assert (await runs.run(order("crash"))).record.error.type == "RunCrashedError"
    with pytest.raises(PipelineCrashingError, match="The last 3 runs of 'crash' crashed their processes"):
        await runs.run(order("crash"))
    with pytest.raises(PipelineCrashingError):
        await runs.submit("crash")
    assert runs.gauges()["runs_queued"] == 0
    assert (await runs.run(order("pid"))).record.status == "success"


async def test_an_input_that_cannot_be_pickled_is_named(runs: Dispatcher) -> None:
    record = (await runs.run(order("same", inputs={"value": lambda: 1}))).record
    assert (record.status, record.error.type) == ("failure", "UnsendableValueError")
    assert (
        "Input 'value' (function) cannot be sent between the server and the process of the run" in record.error.message
    )


@pytest.mark.slow
async def test_nodes_of_a_run_in_a_process_may_have_processes_of_their_own(runs: Dispatcher) -> None:
    finished = await runs.run(order("pid", outputs=("pid_done",), runner="ParallelRunner"))
    assert finished.record.error is None
    assert int(bytes(finished.outputs["pid_done"])) not in (os.getpid(), int(await output(runs, order("pid"))))


async def test_runs_use_a_process_again(runs: Dispatcher) -> None:
    pids = {bytes((await runs.run(order("pid", outputs=("pid_done",)))).outputs["pid_done"]) for _ in range(3)}
    assert len(pids) == 1
    assert int(pids.pop()) != os.getpid()


@pytest.mark.slow
async def test_a_run_that_holds_too_much_memory_is_killed(project: Path) -> None:
    async with opened(project, max_concurrent_runs=1, max_run_memory_bytes=200 * 2**20) as runs:
        assert (await runs.run(order("pid"))).record.status == "success"
        record = (await runs.run(order("fill", runtime_params={"mebibytes": 300}))).record
        assert (record.status, record.error.type, record.error.node) == ("failure", "RunMemoryError", "fill")
        assert "in node 'fill', and a run may hold 200 MiB: its process was killed." in record.error.message


@pytest.mark.slow
async def test_a_process_is_replaced_when_it_is_used_up(project: Path) -> None:
    limits = {"max_concurrent_runs": 1, "max_process_runs": 2, "max_process_memory_bytes": 200 * 2**20}
    async with opened(project, **limits) as runs:
        first, second, third = [await output(runs, order("pid")) for _ in range(3)]
        assert first == second != third
        assert third == await output(runs, order("leak", runtime_params={"mebibytes": 300}))
        fourth = await output(runs, order("leak", runtime_params={"mebibytes": 300}))
        assert await output(runs, order("pid")) not in (third, fourth)


MAPPED = """
import os
import numpy
from kedro_asgi.io import AbstractDataset
from kedro_asgi.pipeline import Pipeline, node

class Mapped(AbstractDataset):
    def __init__(self, filepath):
        self._filepath = filepath

    def load(self):
        return numpy.load(self._filepath, mmap_mode="r")

    def save(self, data):
        numpy.save(self._filepath, data)

    def _describe(self):
        return {}

def use(table):
    return [float(table.sum()), os.getpid()]

def register_pipelines():
    return {"__default__": Pipeline([node(use, "table", "used", name="use")])}
"""


@pytest.mark.slow
async def test_processes_share_an_artifact_whose_dataset_maps_its_file(tmp_path: Path) -> None:
    import numpy

    files = {
        "src/{package}/pipeline_registry.py": MAPPED,
        "conf/base/catalog.yml": f"""
            table:
              type: {{package}}.pipeline_registry.Mapped
              filepath: {tmp_path}/table.npy
        """,
    }
    project = write_project(tmp_path / "project", files)
    await anyio.to_thread.run_sync(numpy.save, tmp_path / "table.npy", numpy.ones(2**24))
    session = AsyncSession.create(project_path=project, preload=["table"])
    async with Dispatcher(session, executor=ExecutorChoice(default="process")) as runs:
        finished = await runs.run(RunOrder(spec=RunSpec(outputs=("used",))))
        total, pid = json.loads(bytes(finished.outputs["used"]))
        assert total == 2**24
        # The file has 128 MiB.
        assert await anyio.to_thread.run_sync(private_bytes, pid) < 100 * 2**20


async def output(runs: Dispatcher, wanted: RunOrder) -> bytes:
    """Run an order of one pipeline, and return its output."""
    name = f"{wanted.spec.slice.pipeline_names[0]}_done"
    spec = msgspec.structs.replace(wanted.spec, outputs=(name,))
    return bytes((await runs.run(RunOrder(spec=spec))).outputs[name])


async def until(is_true: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not is_true():
            await anyio.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Whether a process has ended, also if nobody has waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
