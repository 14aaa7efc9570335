"""The picture of a sweep."""

from functools import partial
from pathlib import Path

from drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, draw
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from fleet.sweep import CoresOf, Sweep

_PARTS = {"statements": GREEN, "cancels": GREY, "orphans": ORANGE, "feeds": BLUE, "notifications": PURPLE}


def draw_pictures(found: Sweep, folder: Path) -> list[str]:
    """Write the picture; return the names of the files that were written."""
    name = "fleet_database.svg"
    return [name] if draw(partial(_database, found), folder / name) else []


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
