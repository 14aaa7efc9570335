"""A project whose nodes leave traces of their work, and clusters that execute it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dask_processes import DaskProcesses
from project_files import write_project

REGISTRY = """
import logging, os, time, threading
from pathlib import Path
import anyio
from kedro_asgi.pipeline import Pipeline, node

def note(place, seconds):
    with open(place, "a") as file:
        file.write(f"begun {os.getpid()}\\n")
    time.sleep(seconds)
    with open(place, "a") as file:
        file.write(f"done {os.getpid()}\\n")
    return os.getpid()

def once_slow(place):
    # Decided before the test sees that the node has begun, and pauses this process.
    is_first = not Path(place).exists()
    with open(place, "a") as file:
        file.write("begun\\n")
    if is_first:
        time.sleep(600)
    with open(place, "a") as file:
        file.write("done\\n")
    return place

def die(place):
    with open(place, "a") as file:
        file.write(f"begun {os.getpid()}\\n")
    os._exit(9)

def same(value):
    return value

def fill(size):
    return "x" * int(size)

def log_lines(count):
    for number in range(int(count)):
        logging.getLogger("project").warning("line %d", number)
    return int(count)

async def wait(place, seconds):
    Path(place).write_text("waiting")
    await anyio.sleep(seconds)
    return seconds

def register_pipelines():
    return {
        "__default__": Pipeline([]),
        "note": Pipeline([node(note, ["params:place", "params:seconds"], "pid", name="note")]),
        "once_slow": Pipeline([node(once_slow, "params:place", "never", name="once_slow")]),
        "die": Pipeline([node(die, "params:place", "never", name="die")]),
        "same": Pipeline([node(same, "value", "given", name="same")]),
        "fill": Pipeline([node(fill, "params:size", "filled", name="fill")]),
        "log_lines": Pipeline([node(log_lines, "params:count", "logged", name="log_lines")]),
        "wait": Pipeline([node(wait, ["params:place", "params:seconds"], "waited", name="wait")]),
    }
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(
        tmp_path_factory.mktemp("cluster") / "project",
        {
            "conf/base/parameters.yml": "place: nowhere\nseconds: 0\nsize: 1\ncount: 1\n",
            "src/{package}/pipeline_registry.py": REGISTRY,
        },
    )


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def cluster(project: Path, tmp_path: Path) -> Iterator[DaskProcesses]:
    """A scheduler and its workers as processes, which tests start, kill and start again."""
    with DaskProcesses(project, tmp_path) as cluster:
        yield cluster
