"""The graph of a pipeline: what it consists of, where each element is drawn, and pictures of it."""

from kedro_asgi.graph.builder import build_graph as build_graph
from kedro_asgi.graph.drawing import Drawing as Drawing
from kedro_asgi.graph.drawing import draw as draw
from kedro_asgi.graph.elements import GraphDataset as GraphDataset
from kedro_asgi.graph.elements import GraphEdge as GraphEdge
from kedro_asgi.graph.elements import GraphNode as GraphNode
from kedro_asgi.graph.elements import GraphParameter as GraphParameter
from kedro_asgi.graph.elements import PipelineGraph as PipelineGraph
from kedro_asgi.graph.layout import Layout as Layout
from kedro_asgi.graph.layout import lay_out as lay_out
from kedro_asgi.graph.mermaid import write_mermaid as write_mermaid
from kedro_asgi.graph.project_graphs import ProjectGraphs as ProjectGraphs
from kedro_asgi.graph.svg import draw_svg as draw_svg
from kedro_asgi.graph.timeline import draw_timeline as draw_timeline
