"""The layout of a drawing: boxes do not overlap, and edges run between them from the top to the bottom."""

import random
import time
from itertools import combinations, pairwise

from hypothesis import given, settings

from graph.drawings import acyclic_drawings, drawing_of, drawings, wide_drawings
from kedro_asgi.graph import Drawing, Layout, lay_out
from kedro_asgi.graph.layout import LayoutBox, Point

# Machines that are busy with other tests take long for an example.
few = settings(max_examples=60, deadline=None)


def overlap(one: LayoutBox, other: LayoutBox) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (beside or one.y + one.height <= other.y or other.y + other.height <= one.y)


def crosses(box: LayoutBox, start: Point, end: Point) -> bool:
    """Whether a curve between two points, which stays between their heights, may run through ``box``."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return box.x < right and left < box.x + box.width and box.y < bottom and top < box.y + box.height


def large(count: int) -> Drawing:
    chance = random.Random(7)
    nodes = [(chance.randrange(max(0, n - 40), n), n) for n in range(1, count) for _ in range(chance.choice((1, 1, 2)))]
    return drawing_of(count, nodes)


@few
@given(drawings() | wide_drawings())
def test_every_element_is_placed_once_and_no_boxes_overlap(drawing: Drawing) -> None:
    layout = lay_out(drawing)
    assert [box.id for box in sorted(layout.boxes, key=lambda box: int(box.id[1:]))] == [e.id for e in drawing.elements]
    assert not any(overlap(one, other) for one, other in combinations(layout.boxes, 2))
    for box in layout.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width
        assert box.y + box.height <= layout.height


@few
@given(acyclic_drawings() | wide_drawings())
def test_every_edge_leads_down_from_its_source_to_its_target(drawing: Drawing) -> None:
    layout = lay_out(drawing)
    boxes = {box.id: box for box in layout.boxes}
    assert sorted((edge.source, edge.target) for edge in layout.edges) == sorted(drawing.edges)
    for edge in layout.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        (x, y), (to_x, to_y) = edge.points[0], edge.points[-1]
        assert y == source.y + source.height
        assert to_y == target.y
        assert source.x < x < source.x + source.width
        assert target.x < to_x < target.x + target.width
        assert all(before[1] <= after[1] for before, after in pairwise(edge.points))


@few
@given(drawings() | wide_drawings())
def test_no_edge_runs_through_a_box(drawing: Drawing) -> None:
    layout = lay_out(drawing)
    for edge in layout.edges:
        others = [box for box in layout.boxes if box.id not in (edge.source, edge.target)]
        for start, end in pairwise(edge.points):
            assert not any(crosses(box, start, end) for box in others)


@few
@given(drawings())
def test_the_same_drawing_gets_the_same_layout(drawing: Drawing) -> None:
    assert lay_out(drawing) == lay_out(drawing)


def test_a_path_is_drawn_as_a_straight_line() -> None:
    layout = lay_out(drawing_of(12, [(n, n + 1) for n in range(11)]))
    assert len({box.x + box.width / 2 for box in layout.boxes}) == 1


def test_a_tree_has_no_crossings() -> None:
    layout = lay_out(drawing_of(31, [((n - 1) // 2, n) for n in range(1, 31)]))
    ends = [(edge.points[0], edge.points[-1]) for edge in layout.edges]
    for (start, end), (other_start, other_end) in combinations(ends, 2):
        if start[1] == other_start[1] and start != other_start:
            assert (start[0] < other_start[0]) == (end[0] < other_end[0])


def test_unconnected_elements_fill_rows_and_not_one_line() -> None:
    layout = lay_out(drawing_of(100, []))
    assert layout.width < 3 * layout.height


def test_hundreds_of_nodes_that_read_the_same_dataset_fill_rows_too() -> None:
    both = [(hub, n) for hub in (0, 1) for n in range(2, 302)]
    layout = lay_out(drawing_of(602, [*both, *((n, n + 300) for n in range(2, 302))]))
    boxes = {box.id: box for box in layout.boxes}
    assert layout.width < 3 * layout.height
    assert all(boxes[f"e{n}"].y < boxes[f"e{n + 300}"].y for n in range(2, 302))
    assert not any(overlap(one, other) for one, other in combinations(layout.boxes, 2))


def test_an_empty_pipeline_is_a_small_picture() -> None:
    assert lay_out(Drawing(elements=(), edges=())) == Layout(width=48, height=48, boxes=(), edges=())


def test_more_long_edges_than_the_layout_can_afford_still_lead_to_their_targets() -> None:
    count = 400
    hub = [(0, n) for n in range(2, count)]
    chains = [(n, n + 1) for n in range(count - 1)]
    many = [(source, count - 1) for source in range(0, count, 2)]
    layout = lay_out(drawing_of(count, [*hub, *chains, *many]))
    assert len(layout.edges) == len({*hub, *chains, *many})
    assert len(layout.boxes) == count


def test_hundreds_of_nodes_take_a_fraction_of_a_second() -> None:
    for count, most_seconds in ((900, 1.5), (4000, 6.0)):
        drawing = large(count)
        started = time.process_time()
        layout = lay_out(drawing)
        assert time.process_time() - started < most_seconds
        assert len(layout.boxes) == count
