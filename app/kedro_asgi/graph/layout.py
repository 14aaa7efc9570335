"""The places of the elements of a drawing and the lines of its edges: one layout for every picture and page."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

import msgspec

from kedro_asgi.graph.components import Area, connected_components, place_areas
from kedro_asgi.graph.coordinates import assign_x
from kedro_asgi.graph.drawing import Drawing, DrawnElement
from kedro_asgi.graph.elements import Kind
from kedro_asgi.graph.labels import shorten, text_width
from kedro_asgi.graph.ordering import order_ranks
from kedro_asgi.graph.ranked_graph import RankedGraph, rank_graph

MARGIN = 24.0
_PADDING, _ICON = 12.0, 18.0
_HEIGHT, _DETAIL_HEIGHT = 30.0, 42.0
_BESIDE, _BETWEEN_RANKS, _BESIDE_COMPONENTS = 22.0, 36.0, 56.0
# A dummy is an edge that passes between two boxes.
_DUMMY_WIDTH = 4.0

Point = tuple[float, float]


class LayoutBox(msgspec.Struct, frozen=True, kw_only=True):
    """The box of an element, from its upper left corner; lengths are pixels, ``label`` and ``detail`` fit into it.

    ``members`` names the nodes that it stands for.
    """

    id: str
    kind: Kind
    name: str
    label: str
    detail: str
    x: float
    y: float
    width: float
    height: float
    members: tuple[str, ...]


class LayoutEdge(msgspec.Struct, frozen=True, kw_only=True):
    """An edge from the lower side of ``source`` to the upper side of ``target``.

    Between two ``points`` of different height that do not stand above each other, it is a curve that begins and ends
    vertically.
    """

    source: str
    target: str
    points: tuple[Point, ...]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of ``width`` by ``height`` pixels; ``collapsed`` names the namespaces that are one box each."""

    width: float
    height: float
    boxes: tuple[LayoutBox, ...]
    edges: tuple[LayoutEdge, ...]
    collapsed: tuple[str, ...] = ()


class _Component(msgspec.Struct, frozen=True, kw_only=True):
    """The layout of connected elements, from its own upper left corner."""

    boxes: list[LayoutBox]
    edges: list[LayoutEdge]

    @property
    def area(self) -> Area:
        """Its width and height."""
        rights = [box.x + box.width for box in self.boxes] + [x for edge in self.edges for x, _ in edge.points]
        return max(rights), max(box.y + box.height for box in self.boxes)

    def moved(self, right: float, down: float) -> "_Component":
        """Return it at another place."""
        boxes = [msgspec.structs.replace(box, x=box.x + right, y=box.y + down) for box in self.boxes]
        edges = [
            msgspec.structs.replace(edge, points=tuple((x + right, y + down) for x, y in edge.points))
            for edge in self.edges
        ]
        return _Component(boxes=boxes, edges=edges)


def lay_out(drawing: Drawing) -> Layout:
    """Return the layout of ``drawing``; the same drawing always gets the same one."""
    index = {element.id: position for position, element in enumerate(drawing.elements)}
    edges = [(index[source], index[target]) for source, target in drawing.edges]
    parts = [
        _component([drawing.elements[vertex] for vertex in vertices], inner)
        for vertices, inner in connected_components(len(index), edges)
    ]
    areas = [part.area for part in parts]
    corners = place_areas(areas, gap=_BESIDE_COMPONENTS)
    placed = [part.moved(MARGIN + x, MARGIN + y) for part, (x, y) in zip(parts, corners, strict=True)]
    ends = [(x + width, y + height) for (x, y), (width, height) in zip(corners, areas, strict=True)]
    return Layout(
        width=2 * MARGIN + max((x for x, _ in ends), default=0.0),
        height=2 * MARGIN + max((y for _, y in ends), default=0.0),
        boxes=tuple(box for part in placed for box in part.boxes),
        edges=tuple(edge for part in placed for edge in part.edges),
        collapsed=drawing.collapsed,
    )


def _component(elements: Sequence[DrawnElement], edges: Sequence[tuple[int, int]]) -> _Component:
    graph = rank_graph(len(elements), edges)
    order = order_ranks(graph)
    sizes = [_size(element) for element in elements]
    widths = [width for width, _ in sizes] + [_DUMMY_WIDTH] * (graph.size - graph.count)
    centres = _from_zero(assign_x(graph, order, widths, gap=_BESIDE), widths)
    heights = [max((sizes[vertex][1] for vertex in rank if vertex < graph.count), default=0.0) for rank in order]
    tops = list(accumulate((height + _BETWEEN_RANKS for height in heights[:-1]), initial=0.0))
    rank_of = {vertex: rank for rank, vertices in enumerate(order) for vertex in vertices}
    boxes = []
    for vertex, (element, (width, height)) in enumerate(zip(elements, sizes, strict=True)):
        rank = rank_of[vertex]
        top = tops[rank] + (heights[rank] - height) / 2
        boxes.append(_box(element, centres[vertex] - width / 2, top, width, height))
    spans = {vertex: (tops[rank], tops[rank] + heights[rank]) for vertex, rank in rank_of.items()}
    return _Component(boxes=boxes, edges=list(_edges(graph, boxes, centres, spans)))


def _size(element: DrawnElement) -> tuple[float, float]:
    width = max(text_width(shorten(element.label)), text_width(shorten(element.detail), size=10))
    return round(width + _ICON + 2 * _PADDING), _DETAIL_HEIGHT if element.detail else _HEIGHT


def _box(element: DrawnElement, x: float, y: float, width: float, height: float) -> LayoutBox:
    return LayoutBox(
        id=element.id,
        kind=element.kind,
        name=element.name,
        label=shorten(element.label),
        detail=shorten(element.detail),
        x=x,
        y=y,
        width=width,
        height=height,
        members=element.members,
    )


def _from_zero(centres: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return whole coordinates, of which the leftmost box begins at 0."""
    left = min(centre - width / 2 for centre, width in zip(centres, widths, strict=True))
    return [round(centre - left, 1) for centre in centres]


def _edges(
    graph: RankedGraph, boxes: Sequence[LayoutBox], centres: Sequence[float], spans: dict[int, tuple[float, float]]
) -> Iterable[LayoutEdge]:
    for route in graph.routes:
        source, target = boxes[route[0]], boxes[route[-1]]
        if spans[route[0]] < spans[route[-1]]:
            points = _points(route, centres, spans, source.y + source.height, target.y)
        else:
            points = _points(route[::-1], centres, spans, target.y + target.height, source.y)[::-1]
        yield LayoutEdge(source=source.id, target=target.id, points=_without_repeated(points))


def _points(
    route: Sequence[int], centres: Sequence[float], spans: dict[int, tuple[float, float]], start: float, end: float
) -> list[Point]:
    """Return the points of a route that leads down: it leaves each rank, and enters the next one, vertically."""
    heights = [(start, spans[route[0]][1]), *(spans[vertex] for vertex in route[1:-1]), (spans[route[-1]][0], end)]
    return [(centres[vertex], y) for vertex, pair in zip(route, heights, strict=True) for y in pair]


def _without_repeated(points: Sequence[Point]) -> tuple[Point, ...]:
    """Leave out points between two others on a vertical line."""
    kept = [points[0]]
    for point, after in pairwise([*points[1:], points[-1]]):
        is_between = kept[-1][0] == point[0] == after[0] and point != points[-1]
        if point != kept[-1] and not is_between:
            kept.append(point)
    return tuple(kept)
