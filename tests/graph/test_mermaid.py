"""The graph in the language of Mermaid."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from graph.drawings import drawings
from graph.pipelines import HOSTILE, graph_of, nested, same
from kedro_asgi.graph import Drawing, draw, write_mermaid
from kedro_asgi.graph.drawing import DrawnElement
from kedro_asgi.pipeline import Pipeline, node

LABEL = r"(?:[\w .,:/@+=-]|#\d+;|<br>)+"
SHAPE = rf'(?:\["{LABEL}"\]|\[\("{LABEL}"\)\]|\(\["{LABEL}"\]\)|\[\["{LABEL}"\]\])'
LINE = re.compile(rf"    (?:e\d+{SHAPE}:::\w+|e\d+ --> e\d+|classDef \w+ [\w:#,-]+(?: [\d,]+)?.*)")


def check(text: str) -> None:
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    assert all(LINE.fullmatch(line) for line in lines), text


@settings(max_examples=40, deadline=None)
@given(drawings())
def test_every_line_is_an_element_an_edge_or_a_class(drawing: Drawing) -> None:
    check(write_mermaid(drawing))


@given(st.text())
def test_any_name_is_a_label(name: str) -> None:
    check(write_mermaid(Drawing(elements=(DrawnElement(id="e", kind="node", name=name, label=name),), edges=())))


def test_markup_in_a_name_is_escaped() -> None:
    text = write_mermaid(draw(graph_of(Pipeline([node(same, HOSTILE, "end", name="plain")]))))
    assert "<img" not in text
    check(text)


def test_states_are_classes() -> None:
    text = write_mermaid(draw(nested(), collapsed=["a.b"]), states={"read": "success", "a.b.fit": "running"})
    assert re.search(r'e\d+\["read"\]:::success', text)
    assert re.search(r'e\d+\[\["a\.b<br>1 node"\]\]:::running', text)
    assert "classDef running" in text
    assert "classDef failure" not in text
