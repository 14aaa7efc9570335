"""Nodes and pipelines: which functions run, in which order, and how to slice and combine them."""

from kedro_asgi.pipeline.grouping import GroupedNodes
from kedro_asgi.pipeline.node import Node, node
from kedro_asgi.pipeline.pipeline import Pipeline, pipeline

__all__ = ["GroupedNodes", "Node", "Pipeline", "node", "pipeline"]
