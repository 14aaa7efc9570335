"""Nodes and pipelines: what runs, in which order, and how to cut and to combine it."""

from kedro_asgi.pipeline.grouping import GroupedNodes
from kedro_asgi.pipeline.node import Node, node
from kedro_asgi.pipeline.pipeline import Pipeline, pipeline

__all__ = ["GroupedNodes", "Node", "Pipeline", "node", "pipeline"]
