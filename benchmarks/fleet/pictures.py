"""The pictures of a sweep, and of its check."""

from functools import partial
from pathlib import Path

from drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, draw
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from fleet.sweep import CoresOf, Sweep

_COLOURS = {10: GREEN, 100: BLUE, 1000: ORANGE}
_PARTS = {"statements": GREEN, "cancels": GREY, "orphans": ORANGE, "feeds": BLUE, "notifications": PURPLE}


def draw_pictures(found: Sweep, folder: Path) -> list[str]:
    """Write the pictures; return the names of the files."""
    pictures = {"fleet_promises.svg": _promises, "fleet_database.svg": _database}
    return [name for name, picture in pictures.items() if draw(partial(picture, found), folder / name)]


def _promises(found: Sweep) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", sharey=True)
    for axis, (name, title) in zip(axes, (("p50_ms", "p50"), ("p95_ms", "p95")), strict=True):
        for servers, colour in _COLOURS.items():
            points = [point for point in found.curves if point.servers == servers]
            if not points:
                continue
            rates = [point.per_second for point in points]
            axis.plot(
                rates, [getattr(point, name) for point in points], "o-", color=colour, label=f"{servers:,} servers"
            )
        axis.set(title=f"{title} of a promise in ms, one database", xlabel="runs a second", yscale="log")
        axis.grid(visible=True, axis="y")
        axis.yaxis.set_major_formatter("{x:g}")
    axes[0].legend()
    return figure


def _database(found: Sweep) -> Figure:
    figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
    sizes = [one.servers for one in found.cores]
    for part in CoresOf.__struct_fields__[1:]:
        axis.plot(sizes, [getattr(one, part) for one in found.cores], "o-", color=_PARTS[part], label=part)
    axis.set(
        title="busy cores of one database, 10⁷ runs a day, busiest hour", xlabel="servers", xscale="log", yscale="log"
    )
    axis.grid(visible=True, axis="y")
    axis.xaxis.set_major_formatter("{x:,g}")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.legend(loc="upper left")
    return figure
