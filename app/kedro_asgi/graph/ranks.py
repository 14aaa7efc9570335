"""Ranks: the row of each vertex. An edge leads from one rank to a later one."""

from collections.abc import Iterable, Sequence

Edge = tuple[int, int]


def without_cycles(count: int, edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges between ``count`` vertices, with as many turned round as it takes that no cycle is left.

    A pipeline has no cycle, but a collapsed namespace that a path leaves and enters again makes one.
    """
    position = {vertex: index for index, vertex in enumerate(_finished_last(count, edges))}
    return [(source, target) if position[source] > position[target] else (target, source) for source, target in edges]


def _finished_last(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return the vertices in the order in which a depth-first search leaves them."""
    targets = neighbours(count, edges)
    left: list[int] = []
    seen = [False] * count
    for start in range(count):
        stack = [] if seen[start] else [(start, iter(targets[start]))]
        seen[start] = True
        while stack:
            vertex, rest = stack[-1]
            following = next((target for target in rest if not seen[target]), None)
            if following is None:
                left.append(vertex)
                stack.pop()
            else:
                seen[following] = True
                stack.append((following, iter(targets[following])))
    return left


def assign_ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return the rank of each of ``count`` vertices, from 0; ``edges`` have no cycle.

    A vertex stands as near to those before it as it can. One that has none before it, such as a parameter, stands just
    before the first that follows.
    """
    targets = neighbours(count, edges)
    has_sources = {target for _, target in edges}
    ranks = [0] * count
    for vertex in topological(targets):
        for target in targets[vertex]:
            ranks[target] = max(ranks[target], ranks[vertex] + 1)
    for vertex in range(count):
        if targets[vertex] and vertex not in has_sources:
            ranks[vertex] = min(ranks[target] for target in targets[vertex]) - 1
    return ranks


def neighbours(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    """Return for each of ``count`` vertices those that its edges lead to."""
    found: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        found[source].append(target)
    return found


def topological(after: Sequence[Sequence[int]]) -> list[int]:
    """Return vertices so that each comes after those before it, else in their own order; fewer if there is a cycle.

    ``after`` holds the vertices that follow each.
    """
    waiting = [0] * len(after)
    for found in after:
        for vertex in found:
            waiting[vertex] += 1
    ordered = [vertex for vertex, count in enumerate(waiting) if not count]
    for vertex in ordered:
        for following in after[vertex]:
            waiting[following] -= 1
            if not waiting[following]:
                ordered.append(following)
    return ordered


def positions(order: Iterable[Sequence[int]], size: int) -> list[int]:
    """Return the position of each of ``size`` vertices in its rank."""
    place = [0] * size
    for rank in order:
        for index, vertex in enumerate(rank):
            place[vertex] = index
    return place
