"""Graphs of made-up pipelines."""

from pathlib import Path

from kedro_asgi.graph import PipelineGraph, build_graph
from kedro_asgi.pipeline import Pipeline, node, pipeline

HOSTILE = '<img src=x onerror="alert(1)">&\x00\ud800'
"""A name that is markup in every language, with characters that XML does not allow."""


def same(*values: object) -> object:
    return values


def graph_of(parts: Pipeline, name: str = "made") -> PipelineGraph:
    return build_graph(name, parts, {}, root=Path("/"))


def nested() -> PipelineGraph:
    """``raw`` goes through the namespaces ``a.b`` and ``a``, and out of them as ``done``."""
    fit = node(same, ["raw", "params:depth"], "fitted", name="fit")
    inner = pipeline([fit], namespace="b", inputs="raw", outputs="fitted")
    score = node(same, ["fitted", "params:b.depth"], "done", name="score")
    outer = pipeline(
        [inner, score, node(same, "done", "kept", name="keep")], namespace="a", inputs="raw", outputs="done"
    )
    read, send = node(same, "source", "raw", name="read"), node(same, "done", "sent", name="send")
    return graph_of(pipeline([read, outer, send]))
