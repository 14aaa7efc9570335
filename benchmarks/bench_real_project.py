"""What does a real Kedro project cost a run here, beside Kedro's own server and beside a plain script?

The spaceflights project of the tests, as it stands: hooks, Excel, Parquet, versions, plots, scikit-learn. `predict`
prices six offers; the full pipeline has 16 nodes, and each run of it writes to a folder of its own. The floor is
`plain_spaceflights`: the same functions and dataset calls in a row, called in process, and behind a bare route.
"""

import argparse
import itertools
import json
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

os.environ["DO_NOT_TRACK"] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "projects"))

from load import KEDRO, OURS, Numbers, Server, measure, measure_with_failures, run_request, taking_turns
from plain_spaceflights import PACKAGE, Script
from spaceflights_copy import add_folder_for_each_run, copy_spaceflights

from kedro_asgi.session import KedroServiceSession
from projects import SILENCE

CONCURRENCIES = (1, 8)
_SCRIPT = "plain_spaceflights:create"
_MODEL = "baseline.regressor"
_NUMBERS = itertools.count()


class Case:
    """One server, what it is asked for, and how often; ``floor`` names the script's server that does the same."""

    def __init__(self, server: Server, body: Callable[[], Any], *, requests: int, floor: str) -> None:
        self.server = server
        self.floor = floor
        self.first_ms = 0.0
        self._body = body
        self._requests = requests

    def measure(self, concurrency: int, *, scale: float) -> Numbers:
        asked = self._asked(max(int(self._requests * scale), 2 * concurrency))
        numbers = measure_with_failures(self.server, asked, concurrency=concurrency)
        return {**numbers, "resident_mb": self.server.resident_mb()}

    def warm(self) -> None:
        """Take the time of the first call, then let it run in."""
        self.first_ms = measure(self.server, self._asked(1), concurrency=1)["p50_ms"]
        measure(self.server, self._asked(5), concurrency=1)

    def _asked(self, times: int) -> list[bytes]:
        return [run_request(self._body()) for _ in range(times)]


def main() -> None:
    """Run the benchmark and print tables, then a JSON line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of requests")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder))
        found = list(_in_process(project, scale=arguments.scale))
        _print_calls(found)
        for title, cases in (("predict", _predict_cases(project)), ("full pipeline", _full_cases(project))):
            found += _served(title, cases, rounds=arguments.rounds, scale=arguments.scale)
    for case in found:
        print(json.dumps(case))


def _project(folder: Path) -> Path:
    """The project with models trained by Kedro's rules, an environment for concurrent runs, and silence."""
    project = copy_spaceflights(folder / "spaceflights", package=PACKAGE)
    (project / "conf" / "logging.yml").write_text(SILENCE, encoding="utf-8")
    KedroServiceSession.create(project_path=project).run()
    add_folder_for_each_run(project)
    return project


def _in_process(project: Path, *, scale: float) -> Iterator[dict[str, Any]]:
    script = Script(project)
    model = script.load_regressor()
    rows = json.loads(script.load_offers().to_json(orient="records", date_format="iso"))
    loading, sharing, full = (
        KedroServiceSession.create(project_path=project, serving_mode=True, preload=names, env=env)
        for names, env in (((), None), ((_MODEL,), None), ((), "each"))
    )
    predict = {"pipeline_names": ["predict"]}
    yield from _calls(
        {
            "predict": (script.predict, lambda: loading.run(**predict)),
            "predict, model kept": (lambda: script.predict(model), lambda: sharing.run(**predict)),
            "predict, kept, offers sent": (
                lambda: script.predict(model, rows),
                lambda: sharing.run(**predict, inputs={"offers": rows}),
            ),
        },
        repeats=max(int(300 * scale), 5),
    )
    yield from _calls(
        {"full pipeline": (lambda: script.full(_name(), _name()), lambda: full.run(runtime_params={"who": _name()}))},
        repeats=max(int(40 * scale), 3),
    )


def _calls(pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]], *, repeats: int) -> Iterator[Any]:
    """Take turns; the target is to be above the script by at most 5 % or half a millisecond."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pairs}
    for _ in range(repeats):
        for name, functions in pairs.items():
            for function, found in zip(functions, times[name], strict=True):
                started = time.perf_counter()
                function()
                found.append((time.perf_counter() - started) * 1000)
    for name, (script, ours) in times.items():
        floor = statistics.median(script)
        # Neighbours in time are compared: what else the machine does hits both.
        above = statistics.median(run - floor for floor, run in zip(script, ours, strict=True))
        yield {
            "call": name,
            "script_ms": round(floor, 3),
            "run_ms": round(statistics.median(ours), 3),
            "above_ms": round(above, 3),
            "is_within_target": above <= max(0.05 * floor, 0.5),
        }


def _predict_cases(project: Path) -> list[Case]:
    body: dict[str, Any] = {"pipeline_names": ["predict"]}
    rows = json.loads(Script(project).load_offers().to_json(orient="records", date_format="iso"))
    sent = {**body, "inputs": {"offers": rows}}
    kept = {"BENCH_KEEPS_MODEL": "1"}
    preload = {"KEDRO_SERVER_PRELOAD": _MODEL}

    def case(name: str, factory: str, asked: dict[str, Any], floor: str, requests: int, **environ: str) -> Case:
        return Case(Server(name, factory, project=project, **environ), lambda: asked, requests=requests, floor=floor)

    return [
        case("script", _SCRIPT, body, "script", 100),
        case("kedro-asgi", OURS, body, "script", 100),
        case("script, model kept", _SCRIPT, body, "script, model kept", 100, **kept),
        case("kedro-asgi, model preloaded", OURS, body, "script, model kept", 100, **preload),
        case("script, kept, offers sent", _SCRIPT, sent, "script, kept, offers sent", 200, **kept),
        case("kedro-asgi, preloaded, sent", OURS, sent, "script, kept, offers sent", 200, **preload),
        case("kedro server", KEDRO, body, "script", 20),
    ]


def _full_cases(project: Path) -> list[Case]:
    def body() -> dict[str, Any]:
        return {"params": {"who": _name()}}

    return [
        Case(Server(name, factory, project=project, KEDRO_SERVER_ENV="each"), body, requests=6, floor="script")
        for name, factory in (("script", _SCRIPT), ("kedro-asgi", OURS), ("kedro server", KEDRO))
    ]


def _name() -> str:
    return f"run{next(_NUMBERS)}"


def _served(title: str, cases: list[Case], *, rounds: int, scale: float) -> list[dict[str, Any]]:
    by_name = {case.server.name: case for case in cases}
    with ExitStack() as stack:
        for case in cases:
            stack.enter_context(case.server.running())
            case.warm()
        medians = taking_turns(
            [case.server for case in cases],
            CONCURRENCIES,
            lambda server, level: by_name[server.name].measure(level, scale=scale),
            rounds=rounds,
        )
    found = [_row(title, case, level, medians) for level in CONCURRENCIES for case in cases]
    _print_served(title, found)
    return found


def _row(title: str, case: Case, level: int, medians: dict[tuple[str, int], Numbers]) -> dict[str, Any]:
    numbers = medians[case.server.name, level]
    kedro = medians["kedro server", level]
    floor = medians[case.floor, level]
    return {
        "pipeline": title,
        "server": case.server.name,
        "concurrency": level,
        "start_s": round(case.server.start_seconds, 2),
        "first_ms": round(case.first_ms, 1),
        **{key: round(value, 2) for key, value in numbers.items()},
        "above_floor_ms": round(numbers["p50_ms"] - floor["p50_ms"], 2),
        "times_kedro": round(numbers["requests_per_s"] / kedro["requests_per_s"], 1),
    }


def _print_calls(cases: list[dict[str, Any]]) -> None:
    print(f"{'one call in process':<30}{'script ms':>11}{'run ms':>9}{'above ms':>10}  target")
    for case in cases:
        met = "met" if case["is_within_target"] else "missed"
        print(f"{case['call']:<30}{case['script_ms']:>11.2f}{case['run_ms']:>9.2f}{case['above_ms']:>10.2f}  {met}")


def _print_served(title: str, cases: list[dict[str, Any]]) -> None:
    head = (
        f"{'at a time':>10}{'first ms':>10}{'p50 ms':>9}{'p99 ms':>9}{'req/s':>8}{'x Kedro':>9}{'MB':>6}{'failed':>8}"
    )
    print(f"\n{title:<30}{head}")
    for case in cases:
        print(
            f"{case['server']:<30}{case['concurrency']:>10}{case['first_ms']:>10.0f}{case['p50_ms']:>9.2f}"
            f"{case['p99_ms']:>9.2f}{case['requests_per_s']:>8.1f}{case['times_kedro']:>9.1f}"
            f"{case['resident_mb']:>6.0f}{case['failed']:>8.0f}"
        )


if __name__ == "__main__":
    main()
