"""The answers that the front end of kedro-viz asks for: a project's pipelines in its form."""

from kedro_asgi.viz.details import describe_element as describe_element
from kedro_asgi.viz.flowchart import VizFlowchart as VizFlowchart
from kedro_asgi.viz.flowchart import draw_flowchart as draw_flowchart
from kedro_asgi.viz.project import VizProject as VizProject
from kedro_asgi.viz.run_status import describe_run as describe_run
