"""Runs all benchmarks one after another, and collects their results in a file.

Each benchmark is a process of its own. One that fails does not stop the others; the suite then ends with code 1.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from harness import RESULTS_VARIABLE
from servers import HERE
from spaceflights import TRAINED_VARIABLE, write_trained_project

# What the report shows comes first.
BENCHMARKS = (
    "bench_requests",
    "bench_observability",
    "bench_responsiveness",
    "bench_in_process",
    "bench_growth",
    "bench_start",
    "bench_memory",
    "bench_snapshot",
    "bench_submits",
    "bench_replicas",
    "bench_retention",
    "bench_dask",
    "bench_dask_runner",
    "bench_real_project",
    "bench_batching",
    "bench_columnar",
    "bench_streaming",
    "bench_inference",
    "bench_workers",
    "bench_processes",
    "bench_preloaded_artifacts",
    "bench_runtime_interpolation",
    "bench_events",
    "bench_dashboard",
    "bench_graph_layout",
)
# What needs more than `make bench` installs is run by its name only.
ON_REQUEST = ("bench_rivals",)
_PACKAGES = ("kedro-asgi", "kedro", "sf-hamilton", "starlette", "uvicorn", "uvloop", "msgspec")


def main() -> None:
    """Run the benchmarks that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="measure more, and longer")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl", help="file of JSON lines to write")
    parser.add_argument(
        "benchmark",
        nargs="*",
        metavar="NAME",
        choices=[[], *BENCHMARKS, *ON_REQUEST],
        help="only these, added to the file",
    )
    arguments = parser.parse_args()
    if not arguments.benchmark:
        arguments.results.write_text(json.dumps(_environment(is_full=arguments.full)) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, RESULTS_VARIABLE: str(arguments.results.resolve())}
        environ[TRAINED_VARIABLE] = str(write_trained_project(Path(folder) / "spaceflights"))
        names = arguments.benchmark or BENCHMARKS
        failed = [name for name in names if not _run(name, is_full=arguments.full, environ=environ)]
    if failed:
        raise SystemExit(f"These benchmarks failed: {', '.join(failed)}")


def _run(name: str, *, is_full: bool, environ: dict[str, str]) -> bool:
    print(f"--- {name}", flush=True)
    started, cpu_started = time.monotonic(), _cpu_seconds()
    command = [sys.executable, str(HERE / f"{name}.py"), *(["--full"] if is_full else [])]
    code = subprocess.run(command, env=environ, check=False).returncode
    seconds, cpu_seconds = time.monotonic() - started, _cpu_seconds() - cpu_started
    print(f"--- {name} took {seconds:.0f} s, and {cpu_seconds:.0f} s of CPU time\n", flush=True)
    return code == 0


def _cpu_seconds() -> float:
    """Return the CPU time of all processes that the suite has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment(*, is_full: bool) -> dict[str, object]:
    return {
        "benchmark": "environment",
        "mode": "full" if is_full else "quick",
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        **{name.replace("-", "_"): version(name) for name in _PACKAGES},
    }


if __name__ == "__main__":
    main()
