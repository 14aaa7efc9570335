"""Nodes and pipelines: which functions run, in which order, and how to slice and combine them."""

from kedro_asgi.pipeline.grouping import GroupedNodes as GroupedNodes
from kedro_asgi.pipeline.node import Node as Node
from kedro_asgi.pipeline.node import node as node
from kedro_asgi.pipeline.pipeline import Pipeline as Pipeline
from kedro_asgi.pipeline.pipeline import pipeline as pipeline
