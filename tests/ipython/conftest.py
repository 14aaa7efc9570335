"""A project for notebooks, and a shell that has loaded the extension."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from project_files import write_project

PIPELINES = """
from kedro_asgi.pipeline import Pipeline, node
from .nodes import scale, shift

def register_pipelines():
    calc = Pipeline([
        node(scale, ["params:value", "params:factor"], "scaled", name="scale"),
        node(shift, {"value": "scaled", "by": "params:value"}, "shifted", name="shift"),
        node(lambda value: value, "shifted", "same", name="unnamed"),
    ])
    return {"__default__": calc}
"""
NODES = """
import math
from .constants import LIMIT as CEILING
from json import dumps

UNUSED = dumps([1])
SMALLEST = -1.5

def bounded(value):
    return min(max(value, SMALLEST), CEILING)

def scale(value, factor):
    # Comments stay.
    return bounded(math.floor(value * factor))

async def shift(value, by):
    return value + by
"""

Ask = Callable[[str], Any]


@pytest.fixture
def notebook_project(tmp_path: Path) -> Path:
    files = {
        "conf/base/parameters.yml": "value: 3\nfactor: 2.5\n",
        "conf/base/catalog.yml": "kept:\n  type: json.JSONDataset\n  filepath: data/kept.json\n",
        "src/{package}/constants.py": "LIMIT = 100\n",
        "src/{package}/nodes.py": NODES,
        "src/{package}/pipeline_registry.py": PIPELINES,
    }
    return write_project(tmp_path / "project", files)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A shell of its own outside of any project, with the extension."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config(HistoryManager={"enabled": False}, InteractiveShell={"colors": "nocolor"})
    # A shell puts a module of its own in the place of ``__main__``, which worker processes of later tests read.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    made = InteractiveShell(config=config)
    made.run_line_magic("load_ext", "kedro_asgi.ipython")
    return made


@pytest.fixture
def ask(shell: InteractiveShell) -> Ask:
    """Run a cell and return its value; raises its error."""

    def run(cell: str) -> Any:
        done = shell.run_cell(cell)
        done.raise_error()
        return done.result

    return run
