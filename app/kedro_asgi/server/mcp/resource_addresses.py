"""The addresses of resources: ``kedro://runs/{run_id}/log`` and the like."""

from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from mcp_types import ResourceTemplate

from kedro_asgi.media_types import JSON
from kedro_asgi.runs import RunRecord

_SCHEME = "kedro"
TEXT, SVG, MERMAID = "text/plain", "image/svg+xml", "text/vnd.mermaid"
PIPELINES, RUNS = f"{_SCHEME}://pipelines", f"{_SCHEME}://runs"

# The address of each kind of resource, its media type, and what it is.
_OF_PIPELINES = (
    ("pipelines/{name}", JSON, "A pipeline: its nodes, datasets, parameters and edges"),
    ("pipelines/{name}/schema", JSON, "The JSON Schema of what a run of the pipeline takes"),
    ("pipelines/{name}/graph.svg", SVG, "The graph of a pipeline as a picture"),
    ("pipelines/{name}/graph.mmd", MERMAID, "The graph of a pipeline in the language of Mermaid"),
)
_OF_RUNS = (
    ("runs/{run_id}", JSON, "A run: its state, its request, its outputs and its error"),
    ("runs/{run_id}/log", TEXT, "The last lines that a run has logged"),
    ("runs/{run_id}/events", JSON, "The last events of a run"),
    ("runs/{run_id}/nodes", JSON, "The nodes that a run has started, with their durations"),
    ("runs/{run_id}/graph.svg", SVG, "The graph of a run's first pipeline, coloured by the states of its nodes"),
    ("runs/{run_id}/graph.mmd", MERMAID, "The same graph in the language of Mermaid"),
    ("runs/{run_id}/outputs/{name}", JSON, "A kept output of a run"),
)


def address(parts: Iterable[str]) -> str:
    """Return the address of a resource from the names that lead to it."""
    return f"{_SCHEME}://{'/'.join(quote(part, safe='') for part in parts)}"


def log_address(record: RunRecord) -> str:
    """Return the address of the log of a run."""
    return address(("runs", record.run_id, "log"))


def output_address(record: RunRecord, name: str) -> str:
    """Return the address of a kept output of a run."""
    return address(("runs", record.run_id, "outputs", name))


def parts_of(text: str) -> list[str]:
    """Return the names in an address; none for an address of another scheme."""
    try:
        found = urlsplit(text)
    except ValueError:
        return []
    if found.scheme != _SCHEME:
        return []
    return [unquote(part) for part in text.partition("://")[2].split("/")]


def templates() -> list[ResourceTemplate]:
    """Return the templates of the resources of pipelines and runs."""
    return [
        ResourceTemplate(name=path, uri_template=f"{_SCHEME}://{path}", mime_type=kind, description=f"{text}.")
        for path, kind, text in (*_OF_PIPELINES, *_OF_RUNS)
    ]
