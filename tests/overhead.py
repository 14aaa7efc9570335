"""Counts the lines of Python that runs, nodes and requests execute; ``--renew`` writes the recorded figures again.

They are the same on a slow, a fast and a busy machine. They are given as multiples of those of a fixed piece of work:
Python 3.11, 3.12 and 3.13 then agree within three per cent. (They do not about bytecode instructions, which Python
3.12 cannot trace in several threads: it crashes.)
"""

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from kedro_asgi.server import create_http_server
from kedro_asgi.session import KedroServiceSession
from project_files import write_project

RECORDED = Path(__file__).with_suffix(".json")
# How much more than recorded is an error.
MOST_GROWTH = 1.5
_LENGTHS = (20, 40)
_WARM_REQUESTS, _REQUESTS, _BATCHES = 10, 40, 3
# The files whose lines a request executes for its trace.
_TRACING = ("opentelemetry", "kedro_asgi/tracing", "request_middleware", "current_request", "trace_context")
_SUM = b'{"params":{"a":10},"outputs":["d"]}'
_ROWS = b'{"pipeline_names":["rows"],"inputs":{"rows":[{"key":"a","x":1.5,"n":3}]},"outputs":["scores"]}'

_REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def chain(length):
    names = ["params:a", *(f"d{n}" for n in range(length))]
    return Pipeline([node(double, one, two, name=two) for one, two in zip(names, names[1:])])

def first(rows):
    return [row["x"] for row in rows]

def score(values, rows):
    return [{"key": row["key"], "score": 2 * value} for value, row in zip(values, rows)]

def register_pipelines():
    two = Pipeline([
        node(add, ["params:a", "params:b"], "s", name="add"),
        node(double, "s", "d", name="double"),
    ])
    rows = Pipeline([
        node(first, "rows", "values", name="first"),
        node(score, ["values", "rows"], "scores", name="score"),
    ])
    return {"__default__": two, "chain_20": chain(20), "chain_40": chain(40), "rows": rows}
"""
_SLOW_HOOK = """
from kedro_asgi.hooks import hook_impl

class SlowHook:
    @hook_impl
    def before_node_run(self, node):
        for number in range(400):
            number + 1

HOOKS = (SlowHook(),)
"""


class LineCounter:
    """Counts the lines that the threads of this process execute in functions that begin while it counts.

    With ``parts``, only those of files whose paths have one of them.
    """

    def __init__(self, *parts: str) -> None:
        self._parts = parts
        self._is_counting = False
        # `next` is one step for all threads; between the steps of an addition, another thread may add.
        self._ticks = itertools.count()

    def count(self, work: Callable[[], object]) -> int:
        """Return how many lines ``work`` takes in this thread."""
        self.begin()
        work()
        return self.end()

    def begin(self) -> None:
        """Count in this thread, and in those that `trace` has been given to."""
        self._ticks = itertools.count()
        self._is_counting = True
        sys.settrace(self.trace)

    def end(self) -> int:
        """Count no longer; return how many lines there were."""
        sys.settrace(None)
        self._is_counting = False
        return next(self._ticks)

    def trace(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        """Have the lines of a new frame counted."""
        is_counted = not self._parts or any(part in frame.f_code.co_filename for part in self._parts)
        return self._tick if self._is_counting and is_counted else None

    def _tick(self, _frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        if event == "line":
            next(self._ticks)
        return self._tick


def main() -> None:
    """Print the figures, and with ``--renew`` record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renew", action="store_true", help=f"write {RECORDED.name}")
    is_renewing = parser.parse_args().renew
    counter = LineCounter()
    # Threads have a trace function only if they are born with it.
    threading.settrace(counter.trace)
    with tempfile.TemporaryDirectory() as folder:
        usual = _figures(Path(folder) / "usual", counter)
        if is_renewing:
            RECORDED.write_text(json.dumps(usual, indent=2) + "\n", encoding="utf-8")
            slow = batched = dropped = {}
        else:
            slow = _figures(Path(folder) / "slow", counter, settings=_SLOW_HOOK)
            batched = asyncio.run(_batched_request(_project(Path(folder) / "batched"), counter))
            # Last, since a process keeps its tracer provider.
            dropped = _dropped_request(Path(folder) / "dropped", counter)
    print(json.dumps({"usual": usual, "slow_hook": slow, "batched": batched, "dropped_trace": dropped}))


def _dropped_request(folder: Path, counter: LineCounter) -> dict[str, float]:
    """Return the lines of a request that are there for its trace, which the sampler of OpenTelemetry drops.

    They are the same for each request, also where threads wait for each other on a busy machine.
    """
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    trace.set_tracer_provider(TracerProvider(sampler=ParentBasedTraceIdRatio(0.0), shutdown_on_exit=False))
    of_traces = LineCounter(*_TRACING)
    threading.settrace(of_traces.trace)
    lines = asyncio.run(_warm_request(_project(folder), of_traces))
    return {"request": round(lines / counter.count(_fixed_work), 3)}


async def _batched_request(project: Path, counter: LineCounter) -> dict[str, float]:
    """Return what a request with a row costs that comes alone: to a server without batching, and to one with it."""
    options = {"rows": {"inputs": ["rows"], "outputs": ["scores"]}}
    unit = counter.count(_fixed_work)
    found = {"unbatched": await _warm_request(project, counter, _ROWS)}
    found["batched"] = await _warm_request(project, counter, _ROWS, batching=options)
    return {name: round(lines / unit, 3) for name, lines in found.items()}


def _project(folder: Path, *, settings: str = "") -> Path:
    return write_project(
        folder,
        {
            "src/{package}/pipeline_registry.py": _REGISTRY,
            "src/{package}/settings.py": settings,
            "conf/base/parameters.yml": "a: 1\nb: 2\n",
        },
    )


def _figures(folder: Path, counter: LineCounter, *, settings: str = "") -> dict[str, float]:
    """Return what a run of two nodes, a further node and a request for a run cost, in pieces of fixed work."""
    project = _project(folder, settings=settings)
    session = KedroServiceSession.create(project_path=project, serving_mode=True)
    short, long = (_warm_run(session, counter, f"chain_{length}") for length in _LENGTHS)
    counted = {
        "run": _warm_run(session, counter, "__default__"),
        "node": (long - short) / (_LENGTHS[1] - _LENGTHS[0]),
        "request": asyncio.run(_warm_request(project, counter)),
    }
    unit = counter.count(_fixed_work)
    return {name: round(lines / unit, 3) for name, lines in counted.items()}


def _warm_run(session: KedroServiceSession, counter: LineCounter, pipeline: str) -> int:
    def run() -> None:
        session.run(pipeline_names=[pipeline])

    run()
    return min(counter.count(run) for _ in range(3))


async def _warm_request(project: Path, counter: LineCounter, body: bytes = _SUM, **options: Any) -> float:
    """Return the lines of a ``POST /run`` in all threads: event loop, run and writer, with the store in a file.

    How the threads meet changes them by a few per cent, so the median of several batches counts.
    """
    app = create_http_server(project, store=str(project / "runs.db"), docs=False, **options)
    async with app.router.lifespan_context(app):
        # Has the pipelines checked, if some are batched.
        await _send(app, "GET", "/batching")
        for _ in range(_WARM_REQUESTS):
            await _post_run(app, body)
        return statistics.median([await _count_batch(app, counter, body) for _ in range(_BATCHES)]) / _REQUESTS


async def _count_batch(app: Any, counter: LineCounter, body: bytes) -> int:
    counter.begin()
    for _ in range(_REQUESTS):
        await _post_run(app, body)
    return counter.end()


async def _post_run(app: Any, body: bytes) -> None:
    answer = await _send(app, "POST", "/run", body)
    if b'"success"' not in answer:
        raise SystemExit(f"The answer is not as wanted: {answer.decode()}")


async def _send(app: Any, method: str, path: str, body: bytes = b"") -> bytes:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        "server": ("tests", 80),
        "client": ("tests", 1),
    }
    answer = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answer.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(answer)


class _Step:
    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, values: dict[str, int], *, by: int) -> dict[str, int]:
        try:
            return {**values, self.name: values[self.name] + by}
        except KeyError:
            return {**values, self.name: by}


def _fixed_work() -> int:
    """Do what much code does: calls, attributes, dictionaries, loops, comprehensions, exceptions."""
    values: dict[str, int] = {}
    for step in [_Step(name) for name in ("one", "two", "three", "one", "two", "three")] * 3:
        values = step.apply(values, by=len(values) + 1)
    return sum(value for value in values.values() if value > 1)


if __name__ == "__main__":
    main()
