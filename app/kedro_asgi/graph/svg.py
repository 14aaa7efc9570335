"""The graph of a pipeline as an SVG picture."""

from collections.abc import Mapping

from kedro_asgi.graph.elements import Kind, PipelineGraph
from kedro_asgi.graph.layout import Layout, LayoutBox, Point
from kedro_asgi.graph.markup import Element, add, new_picture, number, write
from kedro_asgi.graph.style import CSS
from kedro_asgi.node_runs import NodeState, joint_state

_MAX_DESCRIBED = 100
_NO_STATES: Mapping[str, NodeState] = {}
_NO_LINKS: Mapping[str, str] = {}

# Drawn in a square of 14 pixels, from its upper left corner.
_ICONS: Mapping[Kind, str] = {
    "node": "M10.5 2.5C8 1.5 7.2 3 6.8 5.2L5.4 11C5 12.8 4 13 2.8 12.2M4.4 6.4H9.2",
    "dataset": "M2 3.4C2 2 12 2 12 3.4S2 4.8 2 3.4V10.6C2 12 12 12 12 10.6V3.4M2 7C2 8.4 12 8.4 12 7",
    "parameter": "M1.5 4H8M11 4H12.5M1.5 10H3M6 10H12.5M9.5 2.4V5.6M4.5 8.4V11.6",
    "namespace": "M4.5 2H12V9.5H4.5ZM2 4.5V12H9.5",
}
# Drawn around the middle of a badge.
_SIGNS: Mapping[NodeState, str] = {
    "success": "M-3 0L-0.8 2.4L3.2 -2.2",
    "failure": "M-2.4 -2.4L2.4 2.4M2.4 -2.4L-2.4 2.4",
    "running": "M-1.6 -3L2.8 0L-1.6 3Z",
    "cancelled": "M-2.4 -2.4H2.4V2.4H-2.4Z",
    "waiting": "M0 -3V0L2.2 1.6",
    "skipped": "M-3 0H3",
}


def draw_svg(
    graph: PipelineGraph,
    layout: Layout,
    *,
    states: Mapping[str, NodeState] = _NO_STATES,
    links: Mapping[str, str] = _NO_LINKS,
) -> str:
    """Return the picture of ``graph``; ``states`` colours its nodes by name, ``links`` has addresses for ids."""
    root = new_picture(
        width=layout.width,
        height=layout.height,
        title=f"Pipeline {graph.name}",
        description=_describe(graph, states),
        css=CSS,
        is_linked=bool(links),
    )
    edges = add(root, "g")
    for edge in layout.edges:
        add(edges, "path", {"class": "edge", "d": edge_path(edge.points)})
    for tip, is_down in dict.fromkeys(_tip(edge.points) for edge in layout.edges):
        add(edges, "path", {"class": "arrow", "d": _arrow(tip, is_down=is_down)})
    titles = _titles(graph)
    for box in layout.boxes:
        state = joint_state(states[name] for name in box.members if name in states)
        _add_box(root, box, state=state, title=titles.get(box.id, box.name), link=links.get(box.id))
    return write(root)


def edge_path(points: tuple[Point, ...]) -> str:
    """Return an edge in the syntax of SVG paths: curves that begin and end vertically."""
    x, y = points[0]
    steps = [f"M{number(x)} {number(y)}"]
    for to_x, to_y in points[1:]:
        middle = number((y + to_y) / 2)
        end = f"{number(to_x)} {number(to_y)}"
        steps.append(f"V{number(to_y)}" if to_x == x else f"C{number(x)} {middle} {number(to_x)} {middle} {end}")
        x, y = to_x, to_y
    return "".join(steps)


def _tip(points: tuple[Point, ...]) -> tuple[Point, bool]:
    return points[-1], points[-2][1] <= points[-1][1]


def _arrow(tip: Point, *, is_down: bool) -> str:
    x, y = tip
    back = y - 6 if is_down else y + 6
    return f"M{number(x - 3.5)} {number(back)}L{number(x)} {number(y)}L{number(x + 3.5)} {number(back)}Z"


def _add_box(root: Element, box: LayoutBox, *, state: NodeState | None, title: str, link: str | None) -> None:
    parent = root if link is None else add(root, "a", {"href": link})
    group = add(parent, "g", {"class": f"{box.kind} {state or ''}".strip(), "data-id": box.id})
    add(group, "title", text=title if state is None else f"{title} ({state})")
    shape = {"width": box.width, "height": box.height, "rx": 6.0}
    if box.kind in ("dataset", "parameter"):
        shape["rx"] = box.height / 2
    if box.kind == "namespace":
        add(group, "rect", {"class": "box", "x": box.x + 4, "y": box.y + 4, **shape})
    add(group, "rect", {"class": "box", "x": box.x, "y": box.y, **shape})
    _add_label(group, box)
    if state is not None:
        corner = add(group, "g", {"transform": _move(box.x + box.width - 4, box.y + 3)})
        add(corner, "circle", {"class": "badge", "r": 7})
        add(corner, "path", {"class": "badge-sign", "d": _SIGNS[state]})


def _add_label(group: Element, box: LayoutBox) -> None:
    left, middle = box.x + 30, box.y + box.height / 2
    add(group, "path", {"class": "icon", "d": _ICONS[box.kind], "transform": _move(box.x + 10, middle - 7)})
    add(group, "text", {"x": left, "y": middle - 7 if box.detail else middle}, text=box.label)
    if box.detail:
        add(group, "text", {"class": "detail", "x": left, "y": middle + 8}, text=box.detail)


def _move(x: float, y: float) -> str:
    return f"translate({number(x)} {number(y)})"


def _titles(graph: PipelineGraph) -> dict[str, str]:
    """Return what a browser shows when the pointer rests on an element."""
    titles = {node.id: f"{node.name}: {node.func_name}" for node in graph.nodes}
    for dataset in graph.datasets:
        details = [dataset.type or "in memory", *([dataset.layer] if dataset.layer else [])]
        titles[dataset.id] = f"{dataset.name}: {', '.join(details)}"
    return titles


def _describe(graph: PipelineGraph, states: Mapping[str, NodeState]) -> str:
    lines = [f"{len(graph.nodes)} nodes, {len(graph.datasets)} datasets, {len(graph.parameters)} parameters."]
    for node in graph.nodes[:_MAX_DESCRIBED]:
        state = f" ({states[node.name]})" if node.name in states else ""
        lines.append(f"{node.name}{state}: {_names(node.inputs)} to {_names(node.outputs)}.")
    left = len(graph.nodes) - _MAX_DESCRIBED
    return "\n".join([*lines, f"{left} more nodes."] if left > 0 else lines)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
