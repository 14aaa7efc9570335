"""The order of the vertices in each rank: few edges cross."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise

from kedro_asgi.graph.ranked_graph import RankedGraph
from kedro_asgi.graph.ranks import positions

_MOST_SWEEPS = 24
_FEWEST_SWEEPS = 2
# Sweeps without a better order, after which there is none to expect.
_PATIENCE = 5
# About as many links can be looked at in a tenth of a second.
_LINKS_LOOKED_AT = 60_000


def order_ranks(graph: RankedGraph) -> list[list[int]]:
    """Return the vertices of each rank in an order with few crossings.

    Sweeps down and up by turns; each puts vertices at the mean place of their neighbours. The same graph always gets
    the same order, and a large graph fewer sweeps.
    """
    order = _initial(graph)
    place = positions(order, graph.size)
    best, fewest, since = [list(rank) for rank in order], _count_crossings(graph, order, place), 0
    links = sum(map(len, graph.below))
    for sweep in range(max(_FEWEST_SWEEPS, min(_MOST_SWEEPS, _LINKS_LOOKED_AT // (links + 1)))):
        if not fewest or since == _PATIENCE:
            break
        is_down = sweep % 2 == 0
        _sweep(order if is_down else order[::-1], graph.above if is_down else graph.below, place)
        crossings = _count_crossings(graph, order, place)
        since += 1
        if crossings < fewest:
            best, fewest, since = [list(rank) for rank in order], crossings, 0
    return best


def _initial(graph: RankedGraph) -> list[list[int]]:
    """Return an order in which connected vertices are near each other: that of a depth-first search."""
    rank_of = {vertex: index for index, rank in enumerate(graph.ranks) for vertex in rank}
    order: list[list[int]] = [[] for _ in graph.ranks]
    seen = [False] * graph.size
    for start in (vertex for rank in graph.ranks for vertex in rank):
        stack = [start]
        while stack:
            vertex = stack.pop()
            if not seen[vertex]:
                seen[vertex] = True
                order[rank_of[vertex]].append(vertex)
                stack += reversed(graph.below[vertex])
                stack += reversed(graph.above[vertex])
    return order


def _sweep(order: Sequence[list[int]], towards: Sequence[Sequence[int]], place: list[int]) -> None:
    """Sort each rank after the first by the mean place of the neighbours in ``towards``; others keep their place."""
    key = [0.0] * len(place)
    for former, rank in pairwise(order):
        for vertex in rank:
            match towards[vertex]:
                case []:
                    key[vertex] = place[vertex] * len(former) / len(rank)
                case [only]:
                    key[vertex] = place[only]
                case found:
                    key[vertex] = sum([place[other] for other in found]) / len(found)
        rank.sort(key=key.__getitem__)
        for index, vertex in enumerate(rank):
            place[vertex] = index


def _count_crossings(graph: RankedGraph, order: Sequence[Sequence[int]], place: Sequence[int]) -> int:
    return sum(_inversions(_targets(graph, rank, place)) for rank in order)


def _targets(graph: RankedGraph, rank: Sequence[int], place: Sequence[int]) -> list[int]:
    """Return the places in the next rank to which the links of a rank lead, from the left."""
    targets: list[int] = []
    for vertex in rank:
        match graph.below[vertex]:
            case [only]:
                targets.append(place[only])
            case found:
                targets += sorted([place[other] for other in found])
    return targets


def _inversions(numbers: Iterable[int]) -> int:
    """Return how many pairs of numbers stand in the wrong order."""
    seen: list[int] = []
    count = 0
    for number in numbers:
        count += len(seen) - bisect_right(seen, number)
        insort(seen, number)
    return count
