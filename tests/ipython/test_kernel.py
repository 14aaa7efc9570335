"""The extension in a real kernel, and beside Kedro's on the same project."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from project_files import write_project

SECONDS = 120
CONCURRENT_RUNS = """
import asyncio
from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession

async with AsyncSession.create(project_path=context.project_path) as several:
    results = await asyncio.gather(*(several.run(params={"value": n, "factor": 1}) for n in range(3)))
    async with Dispatcher(several, store="memory:") as runs:
        finished = await runs.run(RunOrder(spec=RunSpec.of(params={"value": 20, "factor": 1})))
[*(result.outputs["same"] for result in results), int(bytes(finished.outputs["same"]))]
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingKernelClient]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # The path of a socket may have 100 characters, and that of a test may be longer.
    with TemporaryDirectory() as folder:
        manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
        manager.start_kernel(cwd=str(tmp_path))
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=SECONDS)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _outputs(client: BlockingKernelClient, code: str) -> dict[str, Any]:
    """Run a cell and return what a notebook would show of its value; an error fails the test."""
    shown: dict[str, Any] = {}

    def collect(message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_result":
            shown.update(message["content"]["data"])

    reply = client.execute_interactive(code, timeout=SECONDS, output_hook=collect)
    assert reply["content"]["status"] == "ok", reply["content"]
    return shown


@pytest.mark.filterwarnings("default")
def test_a_notebook_runs_pipelines(kernel: BlockingKernelClient, notebook_project: Path) -> None:
    _outputs(kernel, f"%load_ext kedro_asgi.ipython\n%reload_kedro {notebook_project}")
    assert _outputs(kernel, "pipelines['__default__']")["image/svg+xml"].startswith("<svg")
    assert "<table>" in _outputs(kernel, "catalog")["text/html"]
    assert _outputs(kernel, CONCURRENT_RUNS)["text/plain"] == "[0, 2, 4, 40]"
    assert "<td>JSON</td><td>40</td>" in _outputs(kernel, "finished")["text/html"]
    reply = kernel.execute_interactive("%load_node scale", timeout=SECONDS, output_hook=lambda message: None)
    [payload] = reply["content"]["payload"]
    assert payload["source"] == "set_next_input"
    assert "def scale(value, factor):" in payload["text"]


SEEN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
shell.run_line_magic("load_ext", sys.argv[1])
shell.run_line_magic("reload_kedro", sys.argv[2] + " --env base --params value=4,deep.er=x")
get = shell.user_ns.get
print(json.dumps({
    "variables": [name for name in ("context", "catalog", "pipelines", "session") if get(name) is not None],
    "params": get("context").params,
    "env": get("context").env,
    "path": str(get("context").project_path),
    "pipelines": {name: sorted(node.name for node in found.nodes) for name, found in get("pipelines").items()},
    "datasets": sorted(get("catalog")),
    "loaded": get("catalog").load("params:value"),
    "outputs": {name: found.load() for name, found in get("session").run().items()},
}))
"""
FILES = {
    "conf/base/parameters.yml": "value: 3\n",
    "conf/base/catalog.yml": "kept:\n  type: pandas.CSVDataset\n  filepath: data/kept.csv\n",
    "src/{package}/pipeline_registry.py": """
        from kedro.pipeline import node, pipeline

        def double(value):
            return 2 * value

        def register_pipelines():
            return {"__default__": pipeline([node(double, "params:value", "doubled", name="double")])}
        """,
}


@pytest.mark.slow
def test_the_variables_are_those_of_kedro(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", FILES)
    ours, kedros = (_seen(extension, project) for extension in ("kedro_asgi.ipython", "kedro.ipython"))
    assert ours == kedros
    assert ours["outputs"] == {"doubled": 8}


def _seen(extension: str, project: Path) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-c", SEEN, extension, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=project.parent, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen
