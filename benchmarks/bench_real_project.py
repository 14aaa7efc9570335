"""What does a run of a real Kedro project cost, compared with Kedro's server and with a plain script?

The spaceflights project of the tests, as it stands: hooks, Excel, Parquet, versions, plots, scikit-learn. `predict`
prices six offers; the full pipeline has 16 nodes, and each run of it writes to a folder of its own. The floor is
`plain_spaceflights`: the same functions and dataset calls in a row, called in process, and behind a bare route.
"""

import itertools
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from harness import Case, Measurement, Numbers, Options, Row, find, read_options, take_turns, write
from load import Load, run_request, send, send_with_failures
from plain_spaceflights import Script
from servers import Process, Server, bare, kedro, ours
from spaceflights import MODEL, PREDICT, offers, write_trained_project

from kedro_asgi.session import KedroServiceSession

os.environ["DO_NOT_TRACK"] = "1"

_SCRIPT = "plain_spaceflights:create"
_RUNS = itertools.count()
Call = Callable[[], object]


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A server, what it is asked for, how often, and by how many callers at a time."""

    server: Server
    body: Callable[[], dict[str, Any]]
    times: int
    callers: Sequence[int] = (1, 8, 32)


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        project = write_trained_project(Path(name) / "spaceflights")
        _in_process(project, options)
        _serve("predict", _predict(project, options), "kedro-asgi", options)
        if options.is_full:
            _serve("predict, kept", _predict_kept(project), "kedro-asgi, model preloaded", options)
            _serve("full pipeline", _full(project), "kedro-asgi", options)


def _in_process(project: Path, options: Options) -> None:
    """Write what runs take above the same calls in a script."""
    rows = _compare(_predict_calls(project), rounds=options.pick(quick=60, full=300))
    if options.is_full:
        rows += _compare(_full_calls(project), rounds=20)
    write("real_project_calls", "one call in process", rows)


def _compare(pairs: dict[str, tuple[Call, Call]], *, rounds: int) -> list[Row]:
    cases = [
        Case(side=side, conditions={"call": call}, measure=partial(_timed, function))
        for call, pair in pairs.items()
        for side, function in zip(("script", "kedro-asgi"), pair, strict=True)
    ]
    take_turns(cases, rounds=1)
    measured = take_turns(cases, rounds=rounds)
    return [_above(*(find(measured, side, call=call) for side in ("script", "kedro-asgi"))) for call in pairs]


def _above(script: Measurement, run: Measurement) -> Row:
    return {
        **script.case.conditions,
        "script_ms": script.median("ms"),
        "run_ms": run.median("ms"),
        "above_ms": run.difference("ms", script),
        "above_cpu_ms": run.difference("cpu_ms", script),
    }


def _predict_calls(project: Path) -> dict[str, tuple[Call, Call]]:
    script = Script(project)
    model, rows = script.load_regressor(), offers(project)
    create = partial(KedroServiceSession.create, project_path=project, serving_mode=True)
    loading, sharing = create(preload=()), create(preload=[MODEL])
    return {
        "predict": (script.predict, lambda: loading.run(**PREDICT)),
        "predict, model kept": (lambda: script.predict(model), lambda: sharing.run(**PREDICT)),
        "predict, kept, offers sent": (
            lambda: script.predict(model, rows),
            lambda: sharing.run(**PREDICT, inputs={"offers": rows}),
        ),
    }


def _full_calls(project: Path) -> dict[str, tuple[Call, Call]]:
    script = Script(project)
    session = KedroServiceSession.create(project_path=project, serving_mode=True, preload=(), env="each")
    return {
        "full pipeline": (
            lambda: script.full(_name(), _name()),
            lambda: session.run(runtime_params={"who": _name()}),
        )
    }


def _timed(function: Call) -> Numbers:
    started, cpu_started = time.perf_counter(), time.process_time()
    function()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return {"ms": seconds * 1000, "cpu_ms": cpu_seconds * 1000}


def _predict(project: Path, options: Options) -> list[Served]:
    times = options.pick(quick=40, full=200)
    return [
        Served(server=bare("script", _SCRIPT, KEDRO_PROJECT_PATH=str(project)), body=lambda: PREDICT, times=times),
        Served(server=ours("kedro-asgi", project), body=lambda: PREDICT, times=times),
        Served(
            server=kedro("kedro", project),
            body=lambda: PREDICT,
            times=options.pick(quick=4, full=20),
            callers=options.pick(quick=(1,), full=(1, 8, 32)),
        ),
    ]


def _predict_kept(project: Path) -> list[Served]:
    """The model stays loaded; the offers are on disk, or come with the request."""
    sent = {**PREDICT, "inputs": {"offers": offers(project)}}
    kept = {"KEDRO_PROJECT_PATH": str(project), "BENCH_KEEPS_MODEL": "1"}
    preload = {"KEDRO_SERVER_PRELOAD": MODEL}
    asked = (
        (bare("script, model kept", _SCRIPT, **kept), PREDICT),
        (ours("kedro-asgi, model preloaded", project, **preload), PREDICT),
        (bare("script, kept, offers sent", _SCRIPT, **kept), sent),
        (ours("kedro-asgi, preloaded, sent", project, **preload), sent),
    )
    return [Served(server=server, body=partial(dict, body), times=200) for server, body in asked]


def _full(project: Path) -> list[Served]:
    environ = {"KEDRO_SERVER_ENV": "each"}
    servers = (
        bare("script", _SCRIPT, KEDRO_PROJECT_PATH=str(project)),
        ours("kedro-asgi", project, **environ),
        kedro("kedro", project, **environ),
    )
    return [
        Served(server=server, body=lambda: {"params": {"who": _name()}}, times=6, callers=(1, 8)) for server in servers
    ]


def _name() -> str:
    return f"run{next(_RUNS)}"


def _serve(pipeline: str, served: Sequence[Served], base: str, options: Options) -> None:
    """Write what servers do with a pipeline, with ratios to one caller and to the side ``base``."""
    with ExitStack() as stack:
        running = [(stack.enter_context(one.server.running()), one) for one in served]
        for process, one in running:
            send(process.port, Load(requests=[run_request(one.body()) for _ in range(3)], callers=1, times=3))
        levels = dict.fromkeys(level for one in served for level in one.callers)
        cases = [
            Case(side=process.name, conditions={"callers": callers}, measure=partial(_round, process, one, callers))
            for callers in levels
            for process, one in running
            if callers in one.callers
        ]
        measured = take_turns(cases, rounds=options.pick(quick=3, full=7))
    rows = [{"pipeline": pipeline, **_row(one, measured, base)} for one in measured]
    write("real_project", f"{pipeline} over HTTP", rows)


def _round(process: Process, one: Served, callers: int) -> Numbers:
    times = max(one.times, callers)
    load = Load(requests=[run_request(one.body()) for _ in range(times)], callers=callers, times=times)
    # Kedro's server fails some of several runs at a time; only those that succeed count.
    sent = send_with_failures(process.port, load)
    return {**sent.numbers(), "failed": float(len(sent.failed)), "memory_mib": process.memory_mib()}


def _row(one: Measurement, measured: Sequence[Measurement], base: str) -> Row:
    alone = find(measured, one.case.side, callers=1)
    compared = find(measured, base, **one.case.conditions)
    return {
        **one.row(),
        "per_second_to_one_caller": one.ratio("per_second", alone),
        f"per_second_to_{base.partition(',')[0]}".replace("-", "_"): one.ratio("per_second", compared),
    }


if __name__ == "__main__":
    main()
