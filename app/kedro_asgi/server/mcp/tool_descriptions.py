"""Describes the tool of a pipeline: its schemas, its effects, and what it does in words."""

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from mcp_types import Tool, ToolAnnotations

from kedro_asgi.errors.wording import one_line, shortened
from kedro_asgi.pipeline import Node
from kedro_asgi.reserved_names import PARAMS_PREFIX, is_parameter
from kedro_asgi.runs import FINAL
from kedro_asgi.server.mcp.tool_effects import ToolEffects
from kedro_asgi.server.mcp.tool_names import tool_name
from kedro_asgi.server.typed_pipeline import TypedPipeline
from kedro_asgi.signatures import BodyCheck

if TYPE_CHECKING:
    from kedro_asgi.signatures import Json, PipelineSignature

# An agent reads the descriptions of all tools before it calls one.
_MAX_NODES, _MAX_NAMES, _MAX_SENTENCE = 20, 30, 160


class PipelineTool(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The tool of a pipeline, and the check of the outputs that its calls return."""

    pipeline: str
    tool: Tool
    results: BodyCheck


def describe_tool(pipeline: TypedPipeline) -> PipelineTool:
    """Return the tool that runs ``pipeline``."""
    name, signature = pipeline.slice.pipeline_names[0], pipeline.signature
    effects = ToolEffects.of(pipeline.planner, pipeline.planner.plan(pipeline.slice).pipeline)
    tool = Tool(
        name=tool_name(name),
        title=name,
        description="\n".join(_lines(name, pipeline, effects)),
        input_schema=pipeline.schema,
        output_schema=_answer_schema(signature),
        annotations=_annotations(effects),
    )
    return PipelineTool(pipeline=name, tool=tool, results=BodyCheck({**signature.results, **_definitions(signature)}))


def _annotations(effects: ToolEffects) -> ToolAnnotations:
    """Return the hints: a pipeline changes nothing that it does not save, and a new version replaces nothing."""
    if not effects.saved:
        return ToolAnnotations(read_only_hint=True)
    return ToolAnnotations(read_only_hint=False, destructive_hint=bool(effects.replaced), idempotent_hint=False)


def _answer_schema(signature: "PipelineSignature") -> "Json":
    """Return the schema of the structured answer, which is the same for runs that fail: some clients check it there."""
    texts: Json = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "type": "object",
        "properties": {
            "run_id": {"type": "string"},
            "status": {"type": "string", "enum": sorted(FINAL)},
            "duration_ms": {"type": ["number", "null"]},
            "outputs": signature.results,
            "output_problems": {**texts, "description": "Why an output is missing."},
            "error": {"type": "object", "description": "Why the run failed."},
        },
        "required": ["run_id", "status"],
        **_definitions(signature),
    }


def _definitions(signature: "PipelineSignature") -> Mapping[str, Any]:
    return {"$defs": dict(signature.definitions)} if signature.definitions else {}


def _lines(name: str, pipeline: TypedPipeline, effects: ToolEffects) -> Iterator[str]:
    planner, signature = pipeline.planner, pipeline.signature
    nodes = planner.plan(pipeline.slice).pipeline.nodes
    yield f"Runs the pipeline '{one_line(name)}' of the project '{one_line(planner.project.project_name)}'."
    required = signature.inputs.get("required", [])
    others = [found for found in signature.inputs["properties"] if found not in required]
    parameters = sorted({found for node in nodes for found in node.inputs if is_parameter(found)})
    for text, names in (
        ("Needs the inputs", required),
        ("Loads, unless the call gives them", others),
        ("Uses the parameters", [found.removeprefix(PARAMS_PREFIX) for found in parameters]),
        ("Returns", signature.default_outputs),
        ("Saves", effects.saved),
        ("Replaces the former content of", effects.replaced),
    ):
        if names:
            yield f"{text}: {_listed(names)}."
    yield "Nodes, in this order:"
    yield from map(_node_line, nodes[:_MAX_NODES])
    if len(nodes) > _MAX_NODES:
        yield f"- and {len(nodes) - _MAX_NODES} more"


def _listed(names: Any) -> str:
    shown = ", ".join(map(one_line, list(names)[:_MAX_NAMES]))
    return shown if len(names) <= _MAX_NAMES else f"{shown} and {len(names) - _MAX_NAMES} more"


def _node_line(node: Node) -> str:
    sentence = (inspect.getdoc(node.func) or "").strip().partition("\n")[0]
    about = f": {shortened(one_line(sentence), _MAX_SENTENCE)}" if sentence else ""
    return f"- {one_line(node.name)}{about}"
