"""The time line of a run as an SVG picture: a row for each node that has started, a bar from its start to its end."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import floor, log10

import msgspec

from kedro_asgi.graph.labels import shorten, text_width
from kedro_asgi.graph.markup import Attributes, Element, add, new_picture, write
from kedro_asgi.graph.style import CSS
from kedro_asgi.node_runs import NodeRun

_MARGIN, _ROW, _BAR = 20.0, 26.0, 16.0
_CHART, _TICKS = 720.0, 8
_DURATION = 70.0
# More rows make a picture that no browser scrolls well.
_MAX_ROWS = 2000


class _Scale(msgspec.Struct, frozen=True, kw_only=True):
    """From times to horizontal coordinates."""

    left: float
    started_at: datetime
    seconds: float

    def x(self, at: datetime) -> float:
        return self.left + self.width((at - self.started_at).total_seconds())

    def width(self, seconds: float) -> float:
        return _CHART * min(max(seconds, 0.0), self.seconds) / self.seconds


def draw_timeline(title: str, nodes: Sequence[NodeRun], *, started_at: datetime, ended_at: datetime) -> str:
    """Return the picture of a run that began at ``started_at``; ``ended_at`` is its end, or now.

    A node that was tried again has a bar for each attempt, in one row.
    """
    rows = nodes[:_MAX_ROWS]
    left = _MARGIN + max((text_width(shorten(node.node)) for node in rows), default=0.0) + 14
    seconds = max((ended_at - started_at).total_seconds(), 0.001)
    scale = _Scale(left=left, started_at=started_at, seconds=seconds)
    bottom = _MARGIN + _ROW * (len(rows) or 1)
    root = new_picture(
        width=left + _CHART + _DURATION + _MARGIN,
        height=bottom + 2 * _MARGIN,
        title=title,
        description="\n".join(_describe(node, ended_at) for node in nodes[:_MAX_ROWS]) or "No node has started.",
        css=CSS,
        is_linked=False,
    )
    _add_axis(root, scale, bottom)
    for index, node in enumerate(rows):
        _add_row(root, node, scale, top=_MARGIN + _ROW * index, until=ended_at)
    if not rows:
        add(root, "text", {"class": "detail", "x": left, "y": _MARGIN + _ROW / 2}, text="No node has started.")
    if len(nodes) > len(rows):
        text = f"{len(nodes) - len(rows)} more nodes"
        add(root, "text", {"class": "detail", "x": _MARGIN, "y": bottom + 10}, text=text)
    return write(root)


def _add_axis(root: Element, scale: _Scale, bottom: float) -> None:
    axis = add(root, "g")
    for seconds in _ticks(scale.seconds):
        x = scale.left + scale.width(seconds)
        add(axis, "path", {"class": "rule", "d": f"M{x:.1f} {_MARGIN:g}V{bottom:g}"})
        place: Attributes = {"class": "axis", "x": x, "y": bottom + 12, "text-anchor": "middle"}
        add(axis, "text", place, text=format_seconds(seconds))


def _ticks(seconds: float) -> Iterator[float]:
    """Yield from 0 the multiples of 1, 2 or 5 times a power of ten, at most about eight."""
    step = 10.0 ** floor(log10(seconds / _TICKS))
    step = next(step * factor for factor in (1, 2, 5, 10) if step * factor * _TICKS >= seconds)
    number = 0
    while number * step <= seconds:
        yield number * step
        number += 1


def _add_row(root: Element, node: NodeRun, scale: _Scale, *, top: float, until: datetime) -> None:
    row = add(root, "g", {"class": node.state})
    add(row, "title", text=_describe(node, until))
    middle = top + _ROW / 2
    add(row, "text", {"x": scale.left - 14, "y": middle, "text-anchor": "end"}, text=shorten(node.node))
    end = 0.0
    if node.failed_attempts:
        failed = add(row, "g", {"class": "failure"})
        for attempt in node.failed_attempts:
            end = _add_bar(failed, scale.x(attempt.started_at), scale.x(attempt.ended_at), middle=middle)
    if not _waits_again(node):
        end = _add_bar(row, scale.x(node.started_at), scale.x(node.ended_at or until), middle=middle)
    place: Attributes = {"class": "detail", "x": end + 8, "y": middle}
    add(row, "text", place, text=format_seconds(_seconds(node, until)))


def _add_bar(parent: Element, begin: float, end: float, *, middle: float) -> float:
    """Add a bar and return where it ends."""
    width = max(end - begin, 2.0)
    shape = {"x": begin, "y": middle - _BAR / 2, "width": width, "height": _BAR, "rx": min(4.0, width / 2)}
    add(parent, "rect", {"class": "badge", **shape})
    return begin + width


def _waits_again(node: NodeRun) -> bool:
    """Whether the last attempt of a node that has failed is all that there is so far."""
    return bool(node.failed_attempts) and node.started_at == node.failed_attempts[-1].started_at


def _describe(node: NodeRun, until: datetime) -> str:
    attempts = len(node.failed_attempts) + (not _waits_again(node))
    text = f"{node.node}: {node.state}, {format_seconds(_seconds(node, until))}"
    return f"{text}, attempt {attempts}" if node.failed_attempts else text


def _seconds(node: NodeRun, until: datetime) -> float:
    if node.duration_ms is not None:
        return node.duration_ms / 1000
    return max(((node.ended_at or until) - node.started_at).total_seconds(), 0.0)


def format_seconds(seconds: float) -> str:
    """Return a duration for people: ``0``, ``1.5 ms``, ``2.4 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if not seconds:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
