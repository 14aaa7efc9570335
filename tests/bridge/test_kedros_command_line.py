"""``kedro asgi …``: our commands in Kedro's own command line."""

import os
import subprocess
import sys
from pathlib import Path


def kedro(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KEDRO_")}
    line = [str(Path(sys.executable).with_name("kedro")), "asgi", *arguments]
    return subprocess.run(
        line, cwd=project, capture_output=True, text=True, timeout=240, env={**environment, "DO_NOT_TRACK": "1"}
    )


def test_kedro_lists_our_commands(kedro_project) -> None:
    shown = kedro(kedro_project(), "--help")
    assert all(command in shown.stdout for command in ("serve", "run", "runs", "inspect")), shown.stderr


def test_kedro_asgi_run_runs_the_project(kedro_project) -> None:
    done = kedro(kedro_project(), "run", "--pipelines", "calc", "--params", "a=4")
    assert done.returncode == 0, done.stderr
    assert "succeeded. Outputs: d" in done.stdout
    # Rich must not read the brackets as markup.
    assert "add([params:a;params:b]) -> [s]" in " ".join((done.stdout + done.stderr).split())
