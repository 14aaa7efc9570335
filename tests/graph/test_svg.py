"""The graph as an SVG picture."""

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from graph.drawings import drawings
from graph.pipelines import HOSTILE, graph_of, nested, same
from kedro_asgi.graph import Drawing, PipelineGraph, draw, draw_svg, lay_out
from kedro_asgi.graph.svg import edge_path
from kedro_asgi.pipeline import Pipeline, node

SVG = "{http://www.w3.org/2000/svg}"
NOTHING = PipelineGraph(name="p", nodes=(), datasets=(), parameters=(), edges=(), inputs=(), outputs=())


def picture(graph: PipelineGraph, **options) -> ElementTree.Element:
    return ElementTree.fromstring(draw_svg(graph, lay_out(draw(graph)), **options))


def boxes(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {found.get("data-id", ""): found for found in root.iter(f"{SVG}g") if found.get("data-id")}


@settings(max_examples=40, deadline=None)
@given(drawings(), st.text())
def test_a_picture_is_valid_xml_with_a_box_for_each_element(drawing: Drawing, name: str) -> None:
    root = ElementTree.fromstring(draw_svg(NOTHING, lay_out(drawing), links={"e0": name}))
    assert set(boxes(root)) == {element.id for element in drawing.elements}


def test_names_of_users_stay_text() -> None:
    parts = Pipeline([node(same, HOSTILE, HOSTILE + "2", name="plain")])
    root = picture(graph_of(parts, HOSTILE), links={f"dataset:{HOSTILE}": f"#{HOSTILE}"})
    assert {found.tag.removeprefix(SVG) for found in root.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "g", "path", "text", "a", "circle"),
    }
    assert not any(name.startswith("on") for found in root.iter() for name in found.attrib)
    assert root.findtext(f"{SVG}title") == 'Pipeline <img src=x onerror="alert(1)">&\ufffd\ufffd'


def test_a_screen_reader_gets_a_title_and_what_each_node_does() -> None:
    root = picture(nested(), states={"a.b.fit": "failure"})
    assert root.get("role") == "img"
    assert "a.b.fit (failure): raw, params:a.b.depth to a.fitted." in (root.findtext(f"{SVG}desc") or "")


def test_states_colour_nodes_and_a_collapsed_namespace_has_that_of_its_nodes() -> None:
    graph = nested()
    layout = lay_out(draw(graph, collapsed=["a.b"]))
    states = {"read": "success", "a.b.fit": "failure", "a.score": "skipped"}
    found = boxes(ElementTree.fromstring(draw_svg(graph, layout, states=states)))
    assert found["node:read"].get("class") == "node success"
    assert found["namespace:a.b"].get("class") == "namespace failure"
    assert found["node:a.score"].get("class") == "node skipped"
    assert found["node:send"].get("class") == "node"


def test_links_make_it_a_document() -> None:
    root = picture(nested(), links={"node:read": "#read"})
    assert root.get("role") == "graphics-document document"
    assert [found.get("href") for found in root.iter(f"{SVG}a")] == ["#read"]


def test_a_picture_is_dark_where_the_reader_wants_it_dark() -> None:
    assert "prefers-color-scheme: dark" in (picture(nested()).findtext(f"{SVG}style") or "")


def test_an_edge_is_vertical_at_both_ends() -> None:
    assert edge_path(((5, 0), (5, 10), (25, 30))) == "M5 0V10C5 20 25 20 25 30"
