"""The pictures of the report."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, draw
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results import Results, Row

_COLOURS = {
    "bare": GREY,
    "script": GREY,
    "plain": GREY,
    "what it stands on": GREY,
    "kedro-asgi": BLUE,
    "kedro_asgi": BLUE,
    "kedro": ORANGE,
    "Kedro": ORANGE,
    "Hamilton": PURPLE,
    "one server": BLUE,
    "two servers": ORANGE,
    "front end and worker": GREEN,
    "executor dask": BLUE,
}
_OURS = "kedro-asgi"


def draw_all(results: Results, folder: Path) -> list[str]:
    """Write a picture for each question that the results answer; return the names of the files."""
    return [name for name, picture in PICTURES.items() if draw(partial(picture, results), folder / f"{name}.svg")]


def _requests(results: Results) -> Figure | None:
    rows = results.rows("requests")
    if not rows:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    _lines(left, rows, x="callers", y="per_second")
    left.set(title="requests a second", xlabel="callers at a time")
    left.legend(loc="center right")
    _threads(right, [row for row in rows if row["callers"] in (8, 32) and row["side"] != "kedro server"])
    right.set(title="CPU time of the server a request, in µs")
    return figure


def _latencies(results: Results) -> Figure | None:
    rows = results.rows("requests")
    if not rows:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained", sharey=True)
    for axis, (name, title) in zip(axes, (("p50_ms", "p50"), ("p99_ms", "p99"), ("p999_ms", "p99.9")), strict=True):
        _lines(axis, rows, x="callers", y=name)
        axis.set(title=f"{title} in ms", xlabel="callers at a time")
    _legend_below(figure, axes[0])
    return figure


def _responsiveness(results: Results) -> Figure | None:
    rows = results.rows("responsiveness")
    if not rows:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
    labels = list(dict.fromkeys(_load_label(row) for row in rows))
    for axis, (name, title) in zip(axes, (("p50_ms", "p50"), ("p99_ms", "p99")), strict=True):
        _grouped_bars(axis, rows, labels=labels, label=_load_label, value=name)
        axis.set(title=f"{title} of /health in ms", xscale="log")
        axis.xaxis.set_major_formatter("{x:g}")
    _legend_below(figure, axes[0])
    return figure


def _load_label(row: Row) -> str:
    verbs = {"sleep": "sleeping", "read": "reading", "compute": "computing"}
    return "no runs" if not row["runs"] else f"{row['runs']} {verbs[row['kind']]} runs"


def _in_process(results: Results) -> Figure | None:
    rows = results.rows("in_process", nodes=2)
    if not rows:
        return None
    figure, axis = plt.subplots(figsize=(9, 2.8), layout="constrained")
    _bars(axis, [row["side"] for row in rows], [row["run_us"] for row in rows])
    axis.set(title="a run of two nodes without HTTP, in µs", xscale="log")
    axis.xaxis.set_major_formatter("{x:,g}")
    return figure


def _growth(results: Results) -> Figure | None:
    rows = results.rows("growth")
    if not rows:
        return None
    subjects = list(dict.fromkeys(row["what"] for row in rows))
    figure, axes = plt.subplots(2, 4, figsize=(10, 5), layout="constrained")
    for axis, what in zip(axes.flat, subjects, strict=False):
        found = [row for row in rows if row["what"] == what]
        time_name = "run_us" if "run_us" in found[0] else "cpu_us"
        label = "CPU µs a run" if time_name == "run_us" else "CPU µs of all"
        sizes = [row["size"] for row in found]
        axis.plot(sizes, [row[time_name] for row in found], "o-", color=BLUE, label=label)
        axis.plot(sizes, [1024 * row["memory_mib"] for row in found], "s--", color=GREEN, label="memory in KiB")
        exponent = results.value("growth_exponents", f"{time_name}_exponent", what=what)
        title = f"{what}\ntime ~ size to the power of {exponent or 0:.2f}"
        axis.set(title=title, xscale="log", yscale="log")
        axis.grid(visible=True)
        axis.legend()
    for axis in axes.flat[len(subjects) :]:
        axis.set_visible(False)
    return figure


def _start(results: Results) -> Figure | None:
    rows, imports = results.rows("start"), results.rows("imports")
    if not rows or not imports:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
    _bars(left, [f"{row['project']}, {row['side']}" for row in rows], [row["first_run_s"] for row in rows])
    left.set(title="from the start to the first answered run, in s")
    _bars(right, [row["side"] for row in imports], [row["cpu_ms"] for row in imports])
    right.set(title="importing, in ms of CPU time")
    return figure


def _memory(results: Results) -> Figure | None:
    rows, runs = results.rows("memory"), results.rows("memory_of_runs")
    if not rows or not runs:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    _grouped_bars(left, rows, labels=stages, label=lambda row: str(row["stage"]), value="memory_mib")
    left.set(title="memory of a server, in MiB")
    left.legend(loc="upper right")
    right.plot([row["runs"] for row in runs], [row["memory_mib"] for row in runs], "o-", color=BLUE)
    right.set(title="memory of kedro-asgi over many runs, in MiB", xlabel="runs")
    right.set_ylim(bottom=0, top=1.2 * max(row["memory_mib"] for row in runs))
    right.grid(visible=True, axis="y")
    return figure


def _real_project(results: Results) -> Figure | None:
    rows, calls = results.rows("real_project", pipeline="predict"), results.rows("real_project_calls")
    if not rows or not calls:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
    _lines(axes[0], rows, x="callers", y="per_second", scale="linear")
    axes[0].set_ylim(bottom=0)
    axes[0].set(title="predict, requests a second", xlabel="callers at a time")
    _lines(axes[1], rows, x="callers", y="p99_ms", scale="linear")
    axes[1].set_ylim(bottom=0)
    axes[1].set(title="predict, p99 in ms", xlabel="callers at a time")
    workers = results.rows("workers", callers=32)
    _legend_below(figure, axes[0])
    _bars(axes[2], [row["side"] for row in workers], [row["per_second"] for row in workers], colour=BLUE)
    axes[2].set(title="predict at 32 by workers, a second")
    return figure


def _others(results: Results) -> Figure | None:
    logs, snapshot, submits = (
        results.rows("logs", callers=8),
        results.rows("snapshot"),
        results.rows("submits", callers=50),
    )
    if not (logs and snapshot and submits):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11, 2.4), layout="constrained")
    parts = ((logs, "POST /run at 8, log lines"), (snapshot, "/snapshot at 8"), (submits, "submits at 50, on disk"))
    for axis, (rows, title) in zip(axes, parts, strict=True):
        _bars(axis, [row["side"] for row in rows], [row["per_second"] for row in rows])
        axis.set(title=f"{title}, a second")
    return figure


def _replicas(results: Results) -> Figure | None:
    rows, forgotten = results.rows("replicas"), results.rows("retention")
    if not rows or not forgotten:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11, 2.4), layout="constrained")
    labels = list(dict.fromkeys(f"{row['callers']} callers" for row in rows))
    for axis, (name, title) in zip(
        axes, (("per_second", "promised runs a second, PostgreSQL"), ("p99_ms", "p99 of these in ms")), strict=False
    ):
        _grouped_bars(axis, rows, labels=labels, label=lambda row: f"{row['callers']} callers", value=name)
        axis.set(title=title)
    axes[1].legend()
    _bars(axes[2], [row["side"] for row in forgotten], [row["wal_mib"] for row in forgotten])
    axes[2].set(title=f"forget {forgotten[0]['runs']:,} runs, MiB of log")
    return figure


def _dask(results: Results) -> Figure | None:
    rows = [row for row in results.rows("dask") if row["side"] != "--executor thread"]
    if not rows:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.4), layout="constrained")
    labels = list(dict.fromkeys(f"{row['callers']} callers" for row in rows))
    for axis, name in ((left, "per_second"), (right, "scheduler_us")):
        _grouped_bars(axis, rows, labels=labels, label=lambda row: f"{row['callers']} callers", value=name)
    left.set(title="empty runs, or tasks, a second")
    right.set(title="CPU time of the scheduler for each, in µs")
    left.legend()
    return figure


def _dask_runner(results: Results) -> Figure | None:
    rows = results.rows("dask_runner")
    if not rows:
        return None
    figure, axis = plt.subplots(figsize=(6, 2.4), layout="constrained")
    labels = list(dict.fromkeys(str(row["pipeline"]) for row in rows))
    _grouped_bars(axis, rows, labels=labels, label=lambda row: str(row["pipeline"]), value="seconds")
    axis.set(title="seconds for the nodes of a run")
    axis.legend()
    return figure


PICTURES: dict[str, Callable[[Results], Figure | None]] = {
    "requests": _requests,
    "latencies": _latencies,
    "responsiveness": _responsiveness,
    "in_process": _in_process,
    "growth": _growth,
    "start": _start,
    "memory": _memory,
    "real_project": _real_project,
    "others": _others,
    "replicas": _replicas,
    "dask": _dask,
    "dask_runner": _dask_runner,
}


def _lines(axis: Axes, rows: Sequence[Row], *, x: str, y: str, scale: str = "log") -> None:
    axis.set_yscale(scale)
    for side in dict.fromkeys(row["side"] for row in rows):
        mine = [row for row in rows if row["side"] == side]
        axis.plot([row[x] for row in mine], [row[y] for row in mine], "o-", color=_colour(side), label=side)
    levels = sorted({row[x] for row in rows})
    axis.set_xscale("log", base=2)
    axis.set_xticks(levels, [str(level) for level in levels])
    axis.minorticks_off()
    axis.grid(visible=True, axis="y")
    axis.yaxis.set_major_formatter("{x:g}")


def _threads(axis: Axes, rows: Sequence[Row]) -> None:
    """Stack what the threads of a server take."""
    labels = [f"{row['side']} at {row['callers']}" for row in rows]
    left = [0.0] * len(rows)
    roles = {"loop": BLUE, "run": GREEN, "writer": PURPLE, "other": GREY}
    for role, colour in roles.items():
        widths = [row[f"{role}_us"] for row in rows]
        axis.barh(labels, widths, left=left, color=colour, label=role)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for label, row, end in zip(labels, rows, left, strict=True):
        axis.annotate(f" {row['cpu_us']:.0f}", (end, label), va="center")
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=len(roles))


def _bars(axis: Axes, labels: Sequence[str], values: Sequence[float], *, colour: str | None = None) -> None:
    bars = axis.barh(labels, values, color=[colour or _colour(label) for label in labels])
    axis.bar_label(bars, fmt=_shown, padding=3)
    axis.invert_yaxis()
    axis.margins(x=0.18)


def _grouped_bars(
    axis: Axes, rows: Sequence[Row], *, labels: Sequence[str], label: Callable[[Row], str], value: str
) -> None:
    sides = list(dict.fromkeys(row["side"] for row in rows))
    height = 0.8 / len(sides)
    for number, side in enumerate(sides):
        mine = {label(row): row[value] for row in rows if row["side"] == side}
        positions = [place + number * height for place, name in enumerate(labels) if name in mine]
        bars = axis.barh(positions, list(mine.values()), height, color=_colour(side), label=side)
        axis.bar_label(bars, fmt=_shown, padding=3, fontsize=7)
    axis.set_yticks([place + 0.4 - height / 2 for place in range(len(labels))], labels)
    if not axis.yaxis_inverted():
        axis.invert_yaxis()
    axis.margins(x=0.18)


def _legend_below(figure: Figure, axis: Axes) -> None:
    """Show the legend of one axis for the whole figure."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _colour(side: str) -> str:
    """Return the colour of the longest name that is part of the side's."""
    known = [name for name in _COLOURS if name in side]
    return _COLOURS[max(known, key=len)] if known else GREEN


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
