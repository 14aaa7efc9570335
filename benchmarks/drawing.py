"""How the benchmarks draw: SVG that is the same for the same figures, and readable on light and dark pages."""

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Stands for the colour of text, which the page's colour scheme decides.
_INK = "#010203"
_SCHEMES = (
    "<style>svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}"
    "text{font-family:system-ui,sans-serif}</style>"
)
_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.titlecolor": _INK,
    "font.size": 9,
    "grid.alpha": 0.25,
    "grid.color": _INK,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "kedro-asgi",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
BLUE, GREY, ORANGE, PURPLE, GREEN = "#3f83e8", "#8b949e", "#e07b39", "#a06be0", "#2f9e62"


def draw(figure: Callable[[], Figure | None], file: Path) -> bool:
    """Write what ``figure`` draws into a file; false if it draws nothing."""
    with plt.rc_context(_STYLE):
        drawn = figure()
        if drawn is not None:
            _save(drawn, file)
        plt.close("all")
    return drawn is not None


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    text = file.read_text(encoding="utf-8").replace(_INK, "currentColor")
    # Lines end with spaces where matplotlib breaks paths.
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    file.write_text(re.sub(r"(<svg[^>]*>)", rf"\1{_SCHEMES}", text, count=1), encoding="utf-8")
