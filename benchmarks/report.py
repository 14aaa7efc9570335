"""Turns a file of results into a page with pictures and the table of targets: ``benchmarks/report``."""

import argparse
import shutil
from pathlib import Path

from plots import draw_all
from results import Results
from servers import HERE
from targets import TARGETS

_SECTIONS = {
    "requests": ("What does a run over HTTP cost?", "bench_requests"),
    "latencies": ("How long does a caller wait?", "bench_requests"),
    "responsiveness": ("How long does `/health` take while runs do something?", "bench_responsiveness"),
    "in_process": ("What does a run cost without HTTP?", "bench_in_process"),
    "growth": ("How do time and memory grow?", "bench_growth"),
    "start": ("How long does a start take?", "bench_start"),
    "memory": ("How much memory does a server hold?", "bench_memory"),
    "real_project": (
        "What does a run of a real project cost, and what does a second worker give?",
        "bench_real_project",
    ),
    "replicas": (
        "What does a second server over PostgreSQL give, and what does a day cost that is forgotten?",
        "bench_replicas",
    ),
    "dask": ("How many empty runs does a Dask cluster execute?", "bench_dask"),
    "dask_runner": ("How long do the nodes of one run take on a Dask cluster?", "bench_dask_runner"),
    "others": ("What do log lines, `/snapshot` and submits cost?", "bench_submits"),
}


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=HERE / "results.jsonl")
    parser.add_argument("--into", type=Path, default=HERE / "report")
    arguments = parser.parse_args()
    results = Results.read(arguments.results)
    arguments.into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(arguments.results, arguments.into / "results.jsonl")
    pictures = draw_all(results, arguments.into)
    page = "\n".join([*_head(results), *_targets(results), *_pictures(pictures)])
    (arguments.into / "README.md").write_text(page, encoding="utf-8")
    print(f"Wrote {arguments.into / 'README.md'} and {len(pictures)} pictures.")


def _head(results: Results) -> list[str]:
    (environment,) = results.rows("environment")
    versions = ", ".join(
        f"{name.replace('_', '-')} {value}"
        for name, value in environment.items()
        if name not in ("benchmark", "mode", "python", "system", "cores", "kedro_asgi")
    )
    return [
        "# Report of the benchmarks",
        "",
        f"`make bench-report` wrote this page from a {environment['mode']} run of `make bench`:",
        f"{environment['system']}, {environment['cores']} cores, Python {environment['python']}, {versions}.",
        "",
        "Load and server share the cores. Numbers depend on the machine: compare ratios.",
        "[results.jsonl](results.jsonl) has all numbers, and [the benchmarks](../README.md) say what they mean.",
        "",
    ]


def _targets(results: Results) -> list[str]:
    rows = (target.row(results) for target in TARGETS)
    return [
        "## Targets",
        "",
        "| what | target | measured | |",
        "| --- | ---: | ---: | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _pictures(names: list[str]) -> list[str]:
    lines = []
    for name in names:
        question, benchmark = _SECTIONS[name]
        lines += [
            f"## {question}",
            "",
            f"![{question}]({name}.svg)",
            "",
            f"By [{benchmark}.py](../{benchmark}.py).",
            "",
        ]
    return lines


if __name__ == "__main__":
    main()
