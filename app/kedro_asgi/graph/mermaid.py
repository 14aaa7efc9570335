"""The graph of a pipeline in the language of Mermaid, which GitHub, GitLab and notebooks draw."""

import re
from collections.abc import Iterator, Mapping

from kedro_asgi.graph.drawing import Drawing, DrawnElement
from kedro_asgi.graph.elements import Kind
from kedro_asgi.node_runs import NodeState, joint_state

_NO_STATES: Mapping[str, NodeState] = {}
_SHAPES: Mapping[Kind, tuple[str, str]] = {
    "node": ("[", "]"),
    "dataset": ("[(", ")]"),
    "parameter": ("([", "])"),
    "namespace": ("[[", "]]"),
}
_CLASSES = {
    "node": "fill:#e9f1fe,stroke:#4a7fdc,color:#1c2733",
    "dataset": "fill:#ffffff,stroke:#93a1b3,color:#1c2733",
    "parameter": "fill:#fbf7ea,stroke:#b89a3e,color:#1c2733,stroke-dasharray:4 3",
    "namespace": "fill:#f1ecfd,stroke:#7f63d8,color:#1c2733",
    "success": "fill:#e4f5ea,stroke:#23874b,color:#1c2733",
    "failure": "fill:#fde8e8,stroke:#c93434,color:#1c2733,stroke-width:2px",
    "running": "fill:#dcebff,stroke:#1565d8,color:#1c2733,stroke-width:2px",
    "cancelled": "fill:#fdf0df,stroke:#b86a12,color:#1c2733",
    "waiting": "fill:#f5f6f8,stroke:#98a4b3,color:#1c2733,stroke-dasharray:4 3",
    "skipped": "fill:#f5f6f8,stroke:#98a4b3,color:#1c2733,stroke-dasharray:4 3",
}
# Mermaid reads its own syntax, Markdown and HTML in a label, so only plain characters stand for themselves.
_SPECIAL = re.compile(r"[^\w .,:/@+=-]|_")


def write_mermaid(drawing: Drawing, *, states: Mapping[str, NodeState] = _NO_STATES) -> str:
    """Return ``drawing`` as a flowchart; ``states`` colours its nodes by name."""
    ids = {element.id: f"e{number}" for number, element in enumerate(drawing.elements)}
    used = {element.id: _class(element, states) for element in drawing.elements}
    lines = ["flowchart TD"]
    lines += [_element(element, ids[element.id], used[element.id]) for element in drawing.elements]
    lines += [f"    {ids[source]} --> {ids[target]}" for source, target in drawing.edges]
    lines += [f"    classDef {name} {style}" for name, style in _CLASSES.items() if name in used.values()]
    return "\n".join(lines) + "\n"


def _class(element: DrawnElement, states: Mapping[str, NodeState]) -> str:
    return joint_state(states[name] for name in element.members if name in states) or element.kind


def _element(element: DrawnElement, id_: str, name: str) -> str:
    begin, end = _SHAPES[element.kind]
    return f'    {id_}{begin}"{"<br>".join(_lines(element))}"{end}:::{name}'


def _lines(element: DrawnElement) -> Iterator[str]:
    yield _escape(element.label) or " "
    if element.detail:
        yield _escape(element.detail)


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
