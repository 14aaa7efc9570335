"""The targets of speed, and what a run of the benchmarks says of them."""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from results import Results

_OURS = "kedro-asgi"
# The p99 of 32 callers of `predict` was 1.1 s when the target was set.
_PREDICT_P99_MS = 0.55 * 1100


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of some numbers; ``unit`` is empty for a ratio."""

    what: str
    limit: float
    kind: Literal["at least", "at most"]
    measure: Callable[[Results], Sequence[float | None]]
    unit: str = ""

    def row(self, results: Results) -> tuple[str, str, str, str]:
        """Return the target, its limit, what was measured, and whether that reaches it."""
        measured = self.measure(results)
        sign = "≥" if self.kind == "at least" else "≤"
        shown = " / ".join(map(_shown, measured))
        return self.what, f"{sign} {self.limit:g}{self.unit}", f"{shown}{self.unit}", self._verdict(measured)

    def _verdict(self, measured: Sequence[float | None]) -> str:
        known = [value for value in measured if value is not None]
        if not known:
            return "not measured"
        reached = [value >= self.limit if self.kind == "at least" else value <= self.limit for value in known]
        if len(known) < len(measured):
            return "not all measured"
        return "reached" if all(reached) else "not reached" if not any(reached) else "in part"


def _requests(name: str, *levels: int) -> Callable[[Results], Sequence[float | None]]:
    return lambda results: [results.value("requests", name, side=_OURS, callers=level) for level in levels]


def _logs(results: Results) -> Sequence[float | None]:
    name = "per_second_to_no_logs"
    return [results.value("logs", name, side="kedro-asgi serve", callers=level) for level in (8, 32, 128)]


def _value(benchmark: str, name: str, **facts: object) -> Callable[[Results], Sequence[float | None]]:
    return lambda results: [results.value(benchmark, name, **facts)]


def _node(results: Results) -> Sequence[float | None]:
    return [results.value("growth", "run_us_a_unit", what="nodes in a chain", size=size) for size in (1_000, 10_000)]


def _node_growth(results: Results) -> Sequence[float | None]:
    small, large = _node(results)
    return [large / small if small and large else None]


def _predict(results: Results) -> Sequence[float | None]:
    name = "per_second_to_one_caller"
    return [results.value("real_project", name, pipeline="predict", side=_OURS, callers=level) for level in (8, 32)]


def _batching(name: str, *levels: int) -> Callable[[Results], Sequence[float | None]]:
    side = "kedro-asgi, batched"
    return lambda results: [results.value("batching", name, side=side, callers=level) for level in levels]


def _columnar(results: Results) -> Sequence[float | None]:
    return [
        results.value("columnar", "speed_to_json", side="Arrow", library=library, what="request")
        for library in ("pandas", "polars")
    ]


def _columnar_memory(results: Results) -> Sequence[float | None]:
    return [
        results.value("columnar_memory", "memory_to_table", side="Arrow", library=library)
        for library in ("pandas", "polars")
    ]


def _workers(results: Results) -> Sequence[float | None]:
    rows = [row for row in results.rows("workers", callers=32) if row["side"] != "1 worker"]
    return [rows[0]["per_second_to_one"] if rows else None]


def _first_chunks(results: Results) -> Sequence[float | None]:
    found = [("pauses", "thread"), ("computes", "thread"), ("awaits", "thread"), ("computes", "process")]
    return [results.value("streaming", "first_p50_ms", node=node, side=side) for node, side in found]


def _start(results: Results) -> Sequence[float | None]:
    name = "first_run_s_to_kedro"
    return [results.value("start", name, side=_OURS, project=project) for project in ("tiny", "spaceflights")]


def _two_servers(results: Results) -> Sequence[float | None]:
    return [results.value("replicas", "cpu_us_to_one", side="two servers", callers=level) for level in (8, 32)]


def _dask(results: Results) -> Sequence[float | None]:
    return [results.value("dask", "per_second_to_bare", side="--executor dask", callers=level) for level in (8, 32)]


def _dask_runner(results: Results) -> Sequence[float | None]:
    return [results.value("dask_runner", "to_ideal", side="DaskRunner", pipeline="wide")]


TARGETS = (
    Target(
        what="CPU time a request ÷ that of the bare route, at 8 / 32",
        limit=1.3,
        kind="at most",
        measure=_requests("cpu_us_to_bare", 8, 32),
    ),
    Target(
        what="`POST /run` a second ÷ the bare route, at 1 / 8 / 32 / 128",
        limit=0.8,
        kind="at least",
        measure=_requests("per_second_to_bare", 1, 8, 32, 128),
    ),
    Target(
        what="`kedro-asgi serve` as it comes ÷ without log lines, at 8 / 32 / 128",
        limit=0.95,
        kind="at least",
        measure=_logs,
    ),
    Target(
        what="`POST /run` a second ÷ Kedro's server, at 8",
        limit=60,
        kind="at least",
        measure=_requests("per_second_to_kedro", 8),
    ),
    Target(
        what="`KedroServiceSession.run` of two nodes",
        limit=25,
        unit=" µs",
        kind="at most",
        measure=_value("in_process", "run_us", side="kedro-asgi KedroServiceSession", nodes=2),
    ),
    Target(what="a node of 1,000 / of 10,000", limit=3, unit=" µs", kind="at most", measure=_node),
    Target(what="a node of 10,000 ÷ a node of 1,000", limit=1.2, kind="at most", measure=_node_growth),
    Target(what="`predict` a second, at 8 / at 32 ÷ at 1", limit=0.95, kind="at least", measure=_predict),
    Target(
        what="p99 of `predict` at 32 (depends on the machine)",
        limit=_PREDICT_P99_MS,
        unit=" ms",
        kind="at most",
        measure=_value("real_project", "p99_ms", pipeline="predict", side=_OURS, callers=32),
    ),
    Target(
        what="`predict` in batches a second ÷ Kedro's server, at 32 / 128",
        limit=60,
        kind="at least",
        measure=_batching("per_second_to_kedro", 32, 128),
    ),
    Target(
        what="`predict` in batches a second ÷ without, at 32 / 128",
        limit=5,
        kind="at least",
        measure=_batching("per_second_to_unbatched", 32, 128),
    ),
    Target(
        what="p99 of `predict` in batches ÷ without, at 32 / 128",
        limit=1,
        kind="at most",
        measure=_batching("p99_ms_to_unbatched", 32, 128),
    ),
    Target(
        what="p50 of `predict` in batches ÷ without, at 1",
        limit=1.03,
        kind="at most",
        measure=_batching("p50_ms_to_unbatched", 1),
    ),
    Target(
        what="the first chunk of a stream after its yield, by a node that waits / computes / awaits / in a process",
        limit=2,
        unit=" ms",
        kind="at most",
        measure=_first_chunks,
    ),
    Target(
        what="a table of a million rows in and out as Arrow, times as fast as JSON, pandas / polars",
        limit=10,
        kind="at least",
        measure=_columnar,
    ),
    Target(
        what="memory of that ÷ the table, pandas / polars",
        limit=3,
        kind="at most",
        measure=_columnar_memory,
    ),
    Target(what="`predict` with `--workers auto` ÷ 1 worker, at 32", limit=1.9, kind="at least", measure=_workers),
    Target(
        what="accepted submits a second, 50 connections (depends on the machine)",
        limit=4_000,
        kind="at least",
        measure=_value("submits", "per_second", side=_OURS, callers=50),
    ),
    Target(
        what="CPU time of servers for a promised run, two over PostgreSQL ÷ one, at 8 / 32",
        limit=1.25,
        kind="at most",
        measure=_two_servers,
    ),
    Target(
        what="runs by `--executor dask` a second ÷ bare `client.submit`, at 8 / 32",
        limit=0.8,
        kind="at least",
        measure=_dask,
    ),
    Target(
        what="200 nodes that wait 50 ms by `DaskRunner` on four workers ÷ the ideal",
        limit=1.25,
        kind="at most",
        measure=_dask_runner,
    ),
    Target(
        what="a run with 10,000 catalog entries ÷ with 10",
        limit=1.05,
        kind="at most",
        measure=_value("growth", "run_us_to_smallest", what="catalog entries", size=10_000),
    ),
    Target(
        what="`/snapshot` ÷ a bare route with the same bytes",
        limit=0.9,
        kind="at least",
        measure=_value("snapshot", "per_second_to_bare", side=_OURS),
    ),
    Target(
        what="time to the first answered run ÷ Kedro's server, tiny / spaceflights",
        limit=0.2,
        kind="at most",
        measure=_start,
    ),
    Target(
        what="memory, idle after one run ÷ Kedro's server",
        limit=0.3,
        kind="at most",
        measure=_value("memory", "memory_mib_to_kedro", side=_OURS, stage="idle after one run"),
    ),
    Target(
        what="import of `kedro_asgi.server` ÷ what it stands on",
        limit=1.25,
        kind="at most",
        measure=_value("imports", "cpu_ms_to_base", side="kedro_asgi.server"),
    ),
    Target(
        what="p99 of `/health` under 8 computing runs",
        limit=40,
        unit=" ms",
        kind="at most",
        measure=_value("responsiveness", "p99_ms", side=_OURS, kind="compute", runs=8),
    ),
    Target(
        what="`predict` above the plain script",
        limit=0.3,
        unit=" ms",
        kind="at most",
        measure=_value("real_project_calls", "above_ms", call="predict"),
    ),
)


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
