"""Horizontal coordinates by the method of Brandes and Köpf: long edges are straight, and boxes do not overlap.

Each of four passes aligns vertices with a median neighbour, above or below, from the left or from the right, and packs
the aligned blocks. The result is the mean of the two middle coordinates, which keeps all distances.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from kedro_asgi.graph.ranked_graph import RankedGraph
from kedro_asgi.graph.ranks import neighbours, positions, topological

Order = Sequence[Sequence[int]]
Neighbours = Sequence[Sequence[int]]


class _View(msgspec.Struct, frozen=True):
    """A graph as one pass sees it: its ranks from the first, its vertices from the left, and the neighbours before."""

    order: Order
    before: Neighbours
    place: list[int]
    crossing: frozenset[tuple[int, int]]


def assign_x(graph: RankedGraph, order: Order, widths: Sequence[float], *, gap: float) -> list[float]:
    """Return the centre of each vertex; in a rank, at least ``gap`` is between two boxes of ``widths``."""
    crossing = _links_over_straight_ones(graph, order)
    passes = []
    for is_down in (True, False):
        ranks = order if is_down else order[::-1]
        for is_from_left in (True, False):
            view = _view(graph, ranks, is_down=is_down, is_from_left=is_from_left, crossing=crossing)
            found = _pack(view, _align(view, graph.size), widths, gap)
            passes.append(found if is_from_left else [-x for x in found])
    return _middle(passes, widths)


def _view(
    graph: RankedGraph, ranks: Order, *, is_down: bool, is_from_left: bool, crossing: frozenset[tuple[int, int]]
) -> _View:
    order = ranks if is_from_left else [rank[::-1] for rank in ranks]
    place = positions(order, graph.size)
    near = graph.above if is_down else graph.below
    # An edge that goes on through several ranks is straight there, whatever else leaves it.
    straight = [_dummies(graph, found) if vertex >= graph.count else found for vertex, found in enumerate(near)]
    before = [sorted(found, key=place.__getitem__) for found in straight]
    return _View(order, before, place, crossing)


def _dummies(graph: RankedGraph, vertices: Sequence[int]) -> Sequence[int]:
    """Return the dummies among neighbours of a dummy, else all neighbours."""
    return [vertex for vertex in vertices if vertex >= graph.count] or vertices


def _links_over_straight_ones(graph: RankedGraph, order: Order) -> frozenset[tuple[int, int]]:
    """Return the links, in both directions, that cross a link between two dummies, which should be straight."""
    place = positions(order, graph.size)
    found: list[tuple[int, int]] = []
    for upper, rank in pairwise(order):
        least, waiting = 0, 0
        for index, vertex in enumerate(rank):
            inner = _dummy_above(graph, vertex)
            if inner is None and index < len(rank) - 1:
                continue
            most = len(upper) - 1 if inner is None else place[inner]
            for passed in rank[waiting : index + 1]:
                found += [(source, passed) for source in graph.above[passed] if not least <= place[source] <= most]
            least, waiting = most, index + 1
    return frozenset(found + [(target, source) for source, target in found])


def _dummy_above(graph: RankedGraph, vertex: int) -> int | None:
    if vertex < graph.count or graph.above[vertex][0] < graph.count:
        return None
    return graph.above[vertex][0]


def _align(view: _View, size: int) -> list[int]:
    """Return the first vertex of the block of each vertex; a block is a straight line through several ranks."""
    first = list(range(size))
    for rank in view.order[1:]:
        last = -1
        for vertex in rank:
            near = view.before[vertex]
            middle = {(len(near) - 1) // 2, len(near) // 2} if near else ()
            for index in sorted(middle):
                other = near[index]
                if last < view.place[other] and (other, vertex) not in view.crossing:
                    first[vertex], last = first[other], view.place[other]
                    break
    return first


def _pack(view: _View, first: list[int], widths: Sequence[float], gap: float) -> list[float]:
    """Return the coordinates of vertices if each block stands as far left as it can, and then near its right one."""
    distances: dict[tuple[int, int], float] = {}
    for rank in view.order:
        for left, right in pairwise(rank):
            pair = (first[left], first[right])
            distance = (widths[left] + widths[right]) / 2 + gap
            distances[pair] = max(distances.get(pair, 0.0), distance)
    after = neighbours(len(first), list(distances))
    x = [0.0] * len(first)
    ordered = topological(after)
    for block in ordered:
        for right in after[block]:
            x[right] = max(x[right], x[block] + distances[block, right])
    for block in reversed(ordered):
        if after[block]:
            x[block] = max(x[block], min(x[right] - distances[block, right] for right in after[block]))
    return [x[block] for block in first]


def _middle(passes: list[list[float]], widths: Sequence[float]) -> list[float]:
    """Shift the passes to the sides of the narrowest one, and return the mean of the two middle coordinates."""
    sides = [
        (
            min(x - width / 2 for x, width in zip(found, widths, strict=True)),
            max(x + width / 2 for x, width in zip(found, widths, strict=True)),
        )
        for found in passes
    ]
    left, right = min(sides, key=lambda side: side[1] - side[0])
    # The passes come from the left and from the right by turns.
    shifts = [left - side[0] if index % 2 == 0 else right - side[1] for index, side in enumerate(sides)]
    shifted = [[x + shift for x in found] for found, shift in zip(passes, shifts, strict=True)]
    return [sum(sorted(four)[1:3]) / 2 for four in zip(*shifted, strict=True)]
