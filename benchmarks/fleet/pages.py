"""The tables of docs/scaling.md, between comments that name them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fleet.costs import Costs, GroupCost
from fleet.sweep import Sweep

Lines = Sequence[Sequence[str]]


def fill(page: Path, name: str, header: Sequence[str], rows: Lines) -> None:
    """Replace a table of the page; columns but the first are numbers. Raises ``ValueError`` if it has no such place."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    text = page.read_text(encoding="utf-8")
    marks = ["---", *["---:"] * (len(header) - 1)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (header, marks, *rows))
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", flags=re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page} has no '{begin}'")
    page.write_text(pattern.sub(lambda _: f"{begin}\n\n{table}\n\n{end}", text), encoding="utf-8")


def fill_sweep(page: Path, found: Sweep) -> None:
    """Write the tables of deployments and of limits."""
    header = ["deployment", "lock", "writing", "busy cores", "connections"]
    rows = [
        [
            one.deployment,
            _percent(one.lock_share),
            _percent(one.writing_share),
            f"{one.database_cores:.2g}",
            f"{one.connections:,}",
        ]
        for one in found.peaks
    ]
    fill(page, "deployments", header, rows)
    header = ["deployment", "full at runs a second", "runs a day", "full part"]
    limits = [
        [one.deployment, f"{one.per_second:,.0f}", f"{one.runs_a_day / 1e6:,.0f} million", one.part]
        for one in found.limits
    ]
    fill(page, "limits", header, limits)


def fill_costs(page: Path, costs: Costs) -> None:
    """Write the table of costs."""
    fill(page, "costs", ["step", "Python, µs", "PostgreSQL, µs"], [list(row) for row in _cost_rows(costs)])


def _cost_rows(costs: Costs) -> Iterator[tuple[str, str, str]]:
    for name, group in (
        ("promise", costs.postgres.promise),
        ("start", costs.postgres.start),
        ("end", costs.postgres.end),
    ):
        yield _group_row(name, group)
    waits = costs.postgres.waits_us
    yield f"disk, p50 / p95 of a commit: {_quantile(waits, 0.5):.0f} / {_quantile(waits, 0.95):.0f} µs", "", ""
    server, look, dask = costs.server, costs.look, costs.dask
    yield "a run in a thread of its server", f"{server.loop_us + server.run_us + server.writer_us:.0f}", ""
    if server.loop_alone_us:
        yield "… where its request finds the event loop asleep, more", f"{server.loop_alone_us:.0f}", ""
    if dask is not None:
        yield (
            "a run on Dask: its server more / scheduler / worker",
            f"{dask.client_us:.0f} / {dask.scheduler_us:.0f} / {dask.worker_us:.0f}",
            "",
        )
    yield "a look for cancel requests", f"{look.cancel.client_us:.0f}", f"{look.cancel.database_us:.0f}"
    yield "a look for runs of dead servers", f"{look.orphans.client_us:.0f}", f"{look.orphans.database_us:.0f}"
    yield "… for each other server", f"{look.owner.client_us:.2g}", f"{look.owner.database_us:.2g}"
    yield (
        "a look that is left to others",
        f"{look.renewal.client_us:.0f}",
        f"{look.renewal.database_us:.0f}",
    )
    if server.collection_runs:
        yield (
            f"a full collection of garbage, each {server.collection_runs:,.0f} runs",
            f"{server.collection_us:,.0f}",
            "",
        )
    yield "a transaction, for each other server", f"{server.wake_us:.0f}", f"{costs.notify.listener_us:.0f}"
    yield "an event for a follower", f"{costs.follower.deliver_us:.2g}", ""


def _group_row(name: str, group: GroupCost) -> tuple[str, str, str]:
    return (
        f"transaction of {name}s + each run in it",
        f"{group.fixed.client_us:.0f} + {group.row.client_us:.0f}",
        f"{group.fixed.database_us:.0f} + {group.row.database_us:.0f}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def _quantile(quantiles: Sequence[float], share: float) -> float:
    """Return the one of evenly spaced quantiles that is nearest to a share."""
    return quantiles[round(share * (len(quantiles) + 1)) - 1]
