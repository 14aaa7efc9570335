"""The graph of a pipeline: what it consists of, where each element is drawn, and pictures of it."""

from kedro_asgi.graph.builder import build_graph
from kedro_asgi.graph.elements import GraphDataset, GraphEdge, GraphNode, GraphParameter, PipelineGraph
from kedro_asgi.graph.project_graphs import ProjectGraphs

__all__ = ["GraphDataset", "GraphEdge", "GraphNode", "GraphParameter", "PipelineGraph", "ProjectGraphs", "build_graph"]
