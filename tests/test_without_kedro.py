"""The base install: the engine, the server and the starter need no Kedro and no data library."""

import subprocess
import sys
from pathlib import Path

from kedro_asgi.starter import write_starter

# Stands for an environment in which nothing of the dev extra is installed.
HIDE = """
import sys
from importlib.machinery import PathFinder

HIDDEN = {"kedro", "kedro_datasets", "omegaconf", "pandas", "numpy", "httpx", "fastapi", "pydantic", "rich", "trio"}

class Hide(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hide
"""

SERVE = """
import asyncio, json
from kedro_asgi.server import create_http_server
import kedro_asgi.cli

async def post(app, body):
    sent = []
    scope = {"type": "http", "method": "POST", "path": "/run", "query_string": b"", "root_path": "",
             "headers": [(b"content-type", b"application/json")], "scheme": "http", "server": ("x", 80)}
    async def receive():
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
    async def send(message):
        sent.append(message)
    await app(scope, receive, send)
    return json.loads(sent[1]["body"])

async def main():
    app = create_http_server(sys.argv[1])
    print((await post(app, {"outputs": ["training_metrics"]}))["outputs"]["training_metrics"]["accuracy"])
    print("kedro" in sys.modules)

asyncio.run(main())
"""


def test_the_starter_runs_on_the_base_install(tmp_path: Path) -> None:
    project = write_starter(tmp_path / "penguins", project_name="base penguins")
    command = [sys.executable, "-c", HIDE + SERVE, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    accuracy, kedro_is_there = done.stdout.split()
    assert float(accuracy) >= 0.95
    assert kedro_is_there == "False"
