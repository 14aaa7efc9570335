"""Sides that are measured inside Python, each in a process of its own that answers questions.

What one side imports, such as Kedro, would burden the garbage collector of the others in one process.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers import HERE

Ask = Callable[..., dict[str, float]]


@contextmanager
def worker(module: str, **setup: Any) -> Iterator[Ask]:
    """Start ``module`` of the benchmarks with ``setup``; yield what asks it with keywords, and returns its answer."""
    quiet = {"DO_NOT_TRACK": "1", "HAMILTON_TELEMETRY_ENABLED": "false"}
    environ = {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(HERE / f"{module}.py"), json.dumps(setup)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def ask(**question: Any) -> dict[str, float]:
        stdin.write(json.dumps(question) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise SystemExit(f"{module} {setup} ended with code {process.wait()}")
        numbers: dict[str, float] = json.loads(answer)
        return numbers

    try:
        yield ask
    finally:
        stdin.close()
        process.wait(30)
        stdout.close()


def answer_questions(open_side: Callable[..., Callable[..., dict[str, float]]]) -> None:
    """Make a side of the setup on the command line, and have it answer the questions on standard input.

    It gets an empty folder. Whatever it prints goes to standard error.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as folder:
        answer = open_side(Path(folder), **json.loads(sys.argv[1]))
        for line in sys.stdin:
            print(json.dumps(answer(**json.loads(line))), file=answers, flush=True)


def memory_mib() -> float:
    """Return the resident memory of this process; NaN where the system does not say so as Linux does."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), float("nan"))
