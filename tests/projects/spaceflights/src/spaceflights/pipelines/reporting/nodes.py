"""Plots, and tables to read."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure


def plot_prices(table: pd.DataFrame, currency: str) -> go.Figure:
    """A box for each kind of engine."""
    boxes = [
        go.Box(y=prices.tolist(), name=engine) for engine, prices in table.groupby("engine", observed=True)["price"]
    ]
    return go.Figure(boxes).update_layout(title=f"Price in {currency}", showlegend=False)


def plot_residuals(baseline: pd.Series, candidate: pd.Series) -> Figure:
    """By how much each model misses, side by side."""
    figure = Figure(figsize=(6, 3))
    axes = figure.subplots()
    axes.hist([baseline, candidate], bins=15, label=["baseline", "candidate"])
    axes.legend()
    return figure


def list_prices(table: pd.DataFrame) -> dict[str, Callable[[], pd.DataFrame]]:
    """A price list for each country, made when it is written."""
    return {
        country: update_wrapper(partial(_prices_of, rows), _prices_of) for country, rows in table.groupby("country")
    }


def _prices_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["shuttle_id", "engine", "price"]].sort_values("price")


def write_report(baseline: dict[str, float], candidate: dict[str, float], currency: str) -> tuple[dict[str, Any], str]:
    """Which variant is better, for machines and for people."""
    best = "candidate" if candidate["r2"] > baseline["r2"] else "baseline"
    report = {"best": best, "currency": currency, "baseline": baseline, "candidate": candidate}
    lines = [f"{name}: {metrics['r2']:.3f}" for name, metrics in (("baseline", baseline), ("candidate", candidate))]
    return report, "\n".join([*lines, f"best: {best}", ""])
