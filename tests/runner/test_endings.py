"""However a program ends, its worker processes end with it, and write nothing."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from serving import Process

PIPELINES = """
import os
import time
from pathlib import Path

from kedro_asgi.pipeline import Pipeline, node


def note(folder, seconds):
    Path(folder, "pids", str(os.getpid())).touch()
    time.sleep(seconds)
    return os.getpid()


def register_pipelines():
    nodes = [node(note, ["params:folder", "params:seconds"], f"p{n}", name=f"n{n}") for n in range(2)]
    return {"__default__": Pipeline(nodes)}
"""
# What starts tests in the background has them ignore interrupts, and children inherit that.
PROGRAM = """
import signal
from pathlib import Path

from kedro_asgi.runner import ParallelRunner
from kedro_asgi.session import KedroServiceSession


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    session = KedroServiceSession.create(project_path=Path(__file__).parent)
    print(len(session.run(runner=ParallelRunner(max_workers=2))))


if __name__ == "__main__":
    main()
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def project(make_project) -> Path:
    folder = make_project(PIPELINES, parameters=None)
    (folder / "pids").mkdir()
    return folder


@pytest.fixture
def start(project: Path) -> Start:
    """Return a function that starts a program on the project, in a process group of its own."""

    def started(seconds: float, program: str = PROGRAM) -> subprocess.Popen[str]:
        (project / "conf/base/parameters.yml").write_text(f"folder: {project}\nseconds: {seconds}")
        (project / "program.py").write_text(textwrap.dedent(program))
        return subprocess.Popen(
            [sys.executable, str(project / "program.py")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return started


def pids(project: Path, *, count: int = 1) -> list[int]:
    """Wait until the nodes have written the ids of their processes."""
    until = time.monotonic() + 240
    while len(found := list((project / "pids").iterdir())) < count:
        assert time.monotonic() < until
        time.sleep(0.01)
    return [int(path.name) for path in found]


def wait_for_workers(parent: int) -> None:
    """Wait until a process has started workers, whether they are ready or not."""
    until = time.monotonic() + 240
    while True:
        assert time.monotonic() < until
        # Threads and processes may end while they are looked at.
        with suppress(FileNotFoundError, ProcessLookupError):
            lists = Path(f"/proc/{parent}/task").glob("*/children")
            children = [child for found in lists for child in found.read_text().split()]
            if any(b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children):
                return
        time.sleep(0.001)


def are_gone(processes: list[int], *, within: float = 60) -> bool:
    until = time.monotonic() + within
    while any(map(is_alive, processes)) and time.monotonic() < until:
        time.sleep(0.01)
    return not any(map(is_alive, processes))


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        # A process without a parent that reaps it stays listed after its end.
        return not Path("/proc").exists() or "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_program_that_closes_nothing_ends_well(project: Path, start: Start) -> None:
    program = start(0)
    assert program.communicate(timeout=240) == ("2\n", "")
    assert program.returncode == 0
    assert are_gone(pids(project), within=0)


def test_workers_of_a_killed_program_end_at_once(project: Path, start: Start) -> None:
    program = start(600)
    workers = pids(project, count=2)
    program.kill()
    program.communicate(timeout=240)
    assert len(workers) == 2
    assert are_gone(workers)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of this kind")
def test_an_interrupted_program_ends_at_once(project: Path, start: Start) -> None:
    """As with Ctrl+C, which reaches the workers too."""
    program = start(600)
    workers = pids(project, count=2)
    os.killpg(program.pid, signal.SIGINT)
    _, errors = program.communicate(timeout=240)
    assert errors.count("Traceback") == 1
    assert errors.endswith("KeyboardInterrupt\n")
    assert are_gone(workers)


def test_a_script_without_a_main_guard_gets_a_hint(start: Start) -> None:
    """Worker processes import the script that started them, as all of Python's do."""
    program = start(0, PROGRAM.replace('if __name__ == "__main__":\n    main()', "main()"))
    _, errors = program.communicate(timeout=240)
    assert program.returncode == 1
    assert "must do so below 'if __name__ == \"__main__\":'" in errors


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(not Path("/proc").exists(), reason="wants to know of processes that have just started")
@pytest.mark.parametrize(
    "are_working",
    [pytest.param(False, marks=pytest.mark.slow), True],
    ids=["while its workers start", "while they work"],
)
def test_a_server_that_gets_sigterm_lets_its_parallel_run_end(
    project: Path, tmp_path: Path, end: signal.Signals, are_working: bool
) -> None:
    """Ctrl+C and some process managers signal the workers too, but the server decides."""
    (project / "conf/base/parameters.yml").write_text(f"folder: {project}\nseconds: 1")
    server = Process(
        ["kedro_asgi", "serve", str(project)], cwd=tmp_path, environ={"KEDRO_SERVER_GRACE_SECONDS": "60"}
    ).wait_until_ready()
    try:
        with ThreadPoolExecutor(1) as threads:
            request = {"runner": "ParallelRunner", "outputs": ["p0", "p1"]}
            answer = threads.submit(httpx.post, f"{server.url}/run", json=request, timeout=120)
            pids(project, count=2) if are_working else wait_for_workers(server.process.pid)
            os.killpg(server.process.pid, end)
            assert answer.result().json()["status"] == "success", server.log()
        assert server.process.wait(60) == 0
        assert are_gone(pids(project, count=2))
    finally:
        server.close()
