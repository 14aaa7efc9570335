"""Real projects in temporary folders, and a guard that no test blocks the event loop."""

import inspect
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import xdist.remote
from blockbuster import blockbuster_ctx

from kedro_asgi.project import bootstrap
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.run_ids import RunIds, is_run_id
from project_files import next_package, write_project
from projects.spaceflights_copy import copy_spaceflights
from serving import Process, clean_environment
from working import CATALOG, PARAMETERS, WORK

# Some tests compare with Kedro: it and its plugins must send no telemetry.
os.environ["DO_NOT_TRACK"] = "1"

# A shell starts a job in the background with SIGINT ignored, and each child inherits that: no Ctrl+C would arrive.
signal.signal(signal.SIGINT, signal.default_int_handler)

# By default httpx gives up after five seconds, and on a loaded machine the answer of a real server may take longer.
_TIMEOUT = inspect.signature(httpx.request).parameters["timeout"].default
_TIMEOUT.connect = _TIMEOUT.read = _TIMEOUT.write = _TIMEOUT.pool = 120.0

# Kedro's settings look at the whole stack each time that a project is configured, and `inspect` looks at each of 5,000
# modules for a frame whose file is no module. These are at the bottom of each stack: of `python -m pytest`, of xdist.
for _file in ("<string>", "<frozen runpy>", xdist.remote.__file__):
    inspect.modulesbyfile[os.path.abspath(_file)] = "__main__"

TINY = """
from kedro_asgi.pipeline import Pipeline, node

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def register_pipelines():
    calc = Pipeline([
        node(add, ["params:a", "params:b"], "s", name="add"),
        node(double, "s", "d", name="double"),
    ])
    return {"__default__": calc, "calc": calc}
"""

MakeProject = Callable[..., Path]


@pytest.fixture
def short_turns() -> Iterator[None]:
    """Make threads switch hundreds of times as often as usual, so that a test finds the state they must not share."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="session", autouse=True)
def _no_bytecode() -> None:
    """Write no bytecode of projects, here and in other processes.

    Python takes bytecode for current if a file is changed within the same second and keeps its size, as some tests do.
    A fixture comes after the collection, whose bytecode saves each later run of the tests ten seconds of a core.
    """
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


@pytest.fixture(autouse=True)
def _loop_guard() -> Iterator[None]:
    """Fail a test in which the package reads files, sleeps or waits for locks on an event loop.

    ``create_http_server`` looks at the project's path, and servers call it before the loop starts. Tests may call it
    on a loop.
    """
    with blockbuster_ctx("kedro_asgi") as guard:
        for function in guard.functions.values():
            function.can_block_in("kedro_asgi/server/app.py", "create_http_server")
            # The thread that talks to a Dask cluster: its event loop serves nothing else.
            function.can_block_in("kedro_asgi/dispatch/executors/dask/cluster.py", "_work")
        yield


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Take no lines of runs of earlier tests: a node that sleeps may outlive the service and the test of its run."""
    first = RunIds().next().partition("Z")[0]

    def is_of_this_test(_: logging.LogRecord) -> bool:
        run = CURRENT_RUN.get()
        return run is None or not is_run_id(run[0]) or run[0] >= first

    caplog.handler.addFilter(is_of_this_test)
    yield caplog
    caplog.handler.removeFilter(is_of_this_test)


@pytest.fixture(autouse=True)
def _own_process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test its own import path, environment and current project, and forget the packages that it imported."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setattr(bootstrap._CurrentProject, "project", None)
    before = set(sys.modules)
    environment = dict(os.environ)
    yield
    if dict(os.environ) != environment:
        # The command of a server sets variables for its workers: here they would configure the servers of later tests.
        os.environ.clear()
        os.environ.update(environment)
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith("made_"):
            del sys.modules[name]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Return a function that writes a project and returns its folder.

    ``registry`` is the text of its ``pipeline_registry.py``. ``files`` maps paths to texts; ``{package}`` in either
    stands for the package's name, which no other test uses.
    """

    def make(
        registry: str = TINY,
        *,
        files: Mapping[str, str] | None = None,
        catalog: str = "",
        parameters: str | None = "a: 1\nb: 2\n",
        settings: str = "",
        name: str = "project",
    ) -> Path:
        content = {
            "conf/base/catalog.yml": catalog,
            "src/{package}/settings.py": settings,
            "src/{package}/pipeline_registry.py": registry,
            **({} if parameters is None else {"conf/base/parameters.yml": parameters}),
            **(files or {}),
        }
        return write_project(tmp_path / name, content)

    return make


@pytest.fixture
def tiny(make_project: MakeProject) -> Path:
    """The contract's two-node project: a=1, b=2 -> s=3 -> d=6."""
    return make_project()


@pytest.fixture
def work(make_project: MakeProject, tmp_path: Path) -> Path:
    """A project of `working`. Its pipeline ``held`` waits until the test makes a file ``opened`` beside the project."""
    registry = WORK.replace("{folder}", str(tmp_path))
    return make_project(registry, catalog=CATALOG, parameters=PARAMETERS)


@pytest.fixture
def make_spaceflights(tmp_path: Path) -> MakeProject:
    """Return a function that writes the spaceflights project with its raw data, and returns its folder.

    ``ported=True`` makes it import from ``kedro_asgi`` instead of ``kedro``.
    """

    def make(name: str = "spaceflights", *, ported: bool = False) -> Path:
        return copy_spaceflights(tmp_path / name, package=next_package(), ported=ported)

    return make


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Return a function that runs ``kedro-asgi`` in a new process, as a user does, and waits until it ends."""

    def run(
        *arguments: object, cwd: Path = tmp_path, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "kedro_asgi", *map(str, arguments)]
        environment = {**clean_environment(), **(environ or {})}
        return subprocess.run(line, capture_output=True, text=True, timeout=240, cwd=cwd, env=environment)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Return a function that starts a server, such as ``kedro_asgi serve``, and waits until it answers.

    Keywords are environment variables. ``kedro_asgi worker`` serves no HTTP.
    """
    started: list[Process] = []

    def begin(*arguments: object, **environ: str) -> Process:
        line = [str(argument) for argument in arguments]
        started.append(Process(line, cwd=tmp_path, environ=environ, serves_http="worker" not in line))
        return started[-1].wait_until_ready()

    yield begin
    for process in started:
        process.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nothing listens; no other process can take it during the test."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param
