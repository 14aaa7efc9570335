"""A graph in ranks, in which each edge leads to the next rank: dummy vertices stand where longer edges pass."""

from collections.abc import Sequence

import msgspec

from kedro_asgi.graph.ranks import Edge, assign_ranks, neighbours, without_cycles
from kedro_asgi.graph.spreading import spread_ranks

# Many long edges would make a picture slow and no clearer; the longest then pass behind boxes.
_MAX_DUMMIES = 8_000


class RankedGraph(msgspec.Struct, frozen=True, kw_only=True):
    """The vertices of each rank in an order that may be changed, and their neighbours in the ranks above and below.

    Vertices from ``count`` on are dummies. ``routes`` has for each edge the vertices that it passes, from its source
    to its target. The edges of one source share their dummies, so they part where they must.
    """

    count: int
    ranks: list[list[int]]
    above: list[list[int]]
    below: list[list[int]]
    routes: list[list[int]]

    @property
    def size(self) -> int:
        """The number of vertices, with dummies."""
        return len(self.above)


def rank_graph(count: int, edges: Sequence[Edge]) -> RankedGraph:
    """Return the ranked graph of ``count`` vertices; an edge that closes a cycle leads upwards."""
    downward = without_cycles(count, edges)
    rank_of = spread_ranks(count, downward, assign_ranks(count, downward))
    chains = _chains(count, downward, rank_of)
    links = [link for source, chain in chains.items() for link in zip([source, *chain], chain, strict=False)]
    routes = []
    for source, target in downward:
        passed = chains[source][: rank_of[target] - rank_of[source] - 1]
        if passed or rank_of[target] == rank_of[source] + 1:
            links.append(((passed or [source])[-1], target))
        routes.append([source, *passed, target])
    turned = [route if edge[0] == route[0] else route[::-1] for edge, route in zip(edges, routes, strict=True)]
    size = len(rank_of)
    ranks: list[list[int]] = [[] for _ in range(max(rank_of, default=-1) + 1)]
    for vertex, rank in enumerate(rank_of):
        ranks[rank].append(vertex)
    return RankedGraph(
        count=count,
        ranks=ranks,
        above=neighbours(size, [(target, source) for source, target in links]),
        below=neighbours(size, links),
        routes=turned,
    )


def _chains(count: int, edges: Sequence[Edge], rank_of: list[int]) -> dict[int, list[int]]:
    """Return the dummies of each vertex, in its next ranks, and add their ranks to ``rank_of``; the shortest first."""
    reach = [0] * count
    for source, target in edges:
        reach[source] = max(reach[source], rank_of[target] - rank_of[source] - 1)
    chains: dict[int, list[int]] = {}
    for source in sorted(range(count), key=reach.__getitem__):
        length = reach[source] if len(rank_of) + reach[source] <= count + _MAX_DUMMIES else 0
        chains[source] = list(range(len(rank_of), len(rank_of) + length))
        rank_of.extend(rank_of[source] + 1 + step for step in range(length))
    return chains
