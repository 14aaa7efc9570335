"""Projects beside one that imports Kedro and hangs, in a new process."""

import json
import os
import subprocess
import sys
from pathlib import Path

HANGING = """
import time
from pathlib import Path
from kedro.framework.project import find_pipelines
Path("{folder}/importing").touch()
time.sleep(600)
"""
HOST = """
import json, os, sys
from pathlib import Path

import anyio, httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from kedro_asgi.server import create_http_server

hanging, other, importing = sys.argv[1:]
app = Starlette(routes=[Mount("/hanging", create_http_server(hanging)), Mount("/other", create_http_server(other))])

async def main():
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(http.get, "/hanging/snapshot")
        while not Path(importing).exists():
            await anyio.sleep(0.01)
        answer = await http.post("/other/run", json={"outputs": ["d"]})
        print(json.dumps(answer.json()["outputs"]), flush=True)
        # The hanging thread is a daemon, so the process can end.
        tasks.cancel_scope.cancel()

anyio.run(main)
"""


def test_a_project_without_kedro_does_not_wait_for_one_that_hangs_with_kedro(make_project, tmp_path: Path) -> None:
    hanging = make_project(HANGING.replace("{folder}", str(tmp_path)), name="hanging")
    line = [sys.executable, "-c", HOST, hanging, make_project(name="other"), tmp_path / "importing"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=240, env={**os.environ, "DO_NOT_TRACK": "1"})
    assert done.returncode == 0, done.stderr
    # Kedro logs to standard output.
    assert json.loads(done.stdout.splitlines()[-1]) == {"d": 6}
