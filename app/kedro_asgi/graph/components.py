"""The connected components of a graph, and their places beside and below each other."""

from collections.abc import Iterator, Sequence
from math import sqrt

from kedro_asgi.graph.ranks import Edge, neighbours

Area = tuple[float, float]
# A picture of many components is about this much wider than high, as screens are.
_ASPECT = 1.6


def connected_components(count: int, edges: Sequence[Edge]) -> Iterator[tuple[list[int], list[Edge]]]:
    """Yield the vertices of each component, ascending, and its edges between positions in that list."""
    both = neighbours(count, [*edges, *((target, source) for source, target in edges)])
    component = [-1] * count
    members: list[list[int]] = []
    for start in range(count):
        if component[start] < 0:
            component[start] = len(members)
            found = [start]
            for vertex in found:
                for other in both[vertex]:
                    if component[other] < 0:
                        component[other] = len(members)
                        found.append(other)
            members.append(sorted(found))
    position = {vertex: index for found in members for index, vertex in enumerate(found)}
    inner: list[list[Edge]] = [[] for _ in members]
    for source, target in edges:
        inner[component[source]].append((position[source], position[target]))
    yield from zip(members, inner, strict=True)


def place_areas(areas: Sequence[Area], *, gap: float) -> list[tuple[float, float]]:
    """Return the upper left corner of each area: in rows, in the given order, without overlaps."""
    most = max([sqrt(_ASPECT * sum((width + gap) * (height + gap) for width, height in areas))] + [w for w, _ in areas])
    corners: list[tuple[float, float]] = []
    x = y = row = 0.0
    for width, height in areas:
        if x and x + width > most:
            x, y, row = 0.0, y + row + gap, 0.0
        corners.append((x, y))
        x, row = x + width + gap, max(row, height)
    return corners
