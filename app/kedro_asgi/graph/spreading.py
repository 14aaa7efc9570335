"""Keeps ranks narrow where many vertices follow one: what follows stands in several rows, not in one."""

from collections import Counter
from collections.abc import Sequence
from math import sqrt

import msgspec

from kedro_asgi.graph.components import connected_components
from kedro_asgi.graph.ranks import Edge, assign_ranks, neighbours, topological

# Ranks of fewer vertices than this are never too wide.
_NARROW = 16
# A box with its gap is about twice as wide as a rank with its gap is high, and screens are wider than high.
_SQUARE = 0.7


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Vertices that stay together, their ranks from 0 on, and how many are in each."""

    ranks: dict[int, int]
    widths: Counter[int]


def spread_ranks(count: int, edges: Sequence[Edge], ranks: list[int]) -> list[int]:
    """Return ``ranks`` with what is too wide in several rows; ``edges`` have no cycle, and still lead to later ranks.

    The edges of a vertex that many follow hold no parts together. Each part stands in the first rows after the
    vertices before it that have room.
    """
    room = max(_NARROW, round(sqrt(_SQUARE * count)))
    if max(Counter(ranks).values(), default=0) <= 2 * room:
        return ranks
    following = Counter(source for source, _ in edges)
    kept = [edge for edge in edges if following[edge[0]] <= room // 2]
    parts = [_part(vertices, inner) for vertices, inner in connected_components(count, kept)]
    return _stack(parts, [edge for edge in edges if following[edge[0]] > room // 2], room=room) or ranks


def _part(vertices: list[int], edges: Sequence[Edge]) -> _Part:
    found = assign_ranks(len(vertices), edges)
    return _Part(ranks=dict(zip(vertices, found, strict=True)), widths=Counter(found))


def _stack(parts: Sequence[_Part], between: Sequence[Edge], *, room: int) -> list[int] | None:
    """Return the ranks of all vertices; ``None`` if the parts wait for each other."""
    part_of = {vertex: index for index, part in enumerate(parts) for vertex in part.ranks}
    order = _order(len(parts), [(part_of[source], part_of[target]) for source, target in between])
    if len(order) < len(parts):
        return None
    before: list[list[Edge]] = [[] for _ in parts]
    for edge in between:
        before[part_of[edge[1]]].append(edge)
    ranks = [0] * len(part_of)
    used: Counter[int] = Counter()
    for index in order:
        part = parts[index]
        least = max((ranks[source] + 1 - part.ranks[target] for source, target in before[index]), default=0)
        start = _first_with_room(part, used, max(least, 0), room=room)
        for vertex, rank in part.ranks.items():
            ranks[vertex] = start + rank
        used.update({start + rank: width for rank, width in part.widths.items()})
    return ranks


def _order(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return the parts so that each comes after those before it, else in their own order; fewer if there is a cycle."""
    return topological(neighbours(count, list(dict.fromkeys(edges))))


def _first_with_room(part: _Part, used: Counter[int], start: int, *, room: int) -> int:
    while any(used[start + rank] and used[start + rank] + width > room for rank, width in part.widths.items()):
        start += 1
    return start
