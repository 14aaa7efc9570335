"""Drawings of made-up graphs."""

from collections.abc import Iterable

from hypothesis import strategies as st

from kedro_asgi.graph import Drawing
from kedro_asgi.graph.drawing import DrawnElement
from kedro_asgi.graph.elements import Kind

KINDS: tuple[Kind, ...] = ("node", "dataset", "parameter", "namespace")


def drawing_of(count: int, edges: Iterable[tuple[int, int]]) -> Drawing:
    """Elements ``e0``, ``e1``, … with labels of different lengths, and edges between them."""
    elements = tuple(
        DrawnElement(id=f"e{n}", kind=KINDS[n % 4], name=f"e{n}", label="label " * (n % 9), detail="below" * (n % 2))
        for n in range(count)
    )
    return Drawing(elements=elements, edges=tuple(dict.fromkeys((f"e{a}", f"e{b}") for a, b in edges)))


@st.composite
def acyclic_drawings(draw: st.DrawFn) -> Drawing:
    """Drawings whose edges lead from smaller to larger numbers."""
    count = draw(st.integers(1, 30))
    numbers = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(numbers, numbers), max_size=60))
    return drawing_of(count, [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]])


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """Drawings with any edges between different elements."""
    count = draw(st.integers(1, 20))
    numbers = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(numbers, numbers), max_size=40))
    return drawing_of(count, [pair for pair in pairs if pair[0] != pair[1]])


@st.composite
def wide_drawings(draw: st.DrawFn) -> Drawing:
    """Acyclic drawings in which most elements follow the same few, so that one row would be too wide."""
    count = draw(st.integers(40, 90))
    hubs = draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40))
    edges = [(hub, n) for hub in hubs for n in range(hub + 1, count)]
    return drawing_of(count, [*edges, *((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1])])
