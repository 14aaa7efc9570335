"""The schema of the body that runs one pipeline, with the options of all runs."""

from typing import TYPE_CHECKING, Any

import msgspec

from kedro_asgi.runs import SLICE_FILTERS, Slice
from kedro_asgi.schemas import RunSubmission

if TYPE_CHECKING:
    from kedro_asgi.signatures import Json, PipelineSignature

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OWN = ("inputs", "params", "outputs")
_DESCRIPTIONS = {
    "inputs": "Values in place of datasets, for this run; a table is a list of records.",
    "params": "Parameters that this run merges over those of the project.",
    "outputs": "The datasets whose values the answer contains.",
}


def request_schema(signature: "PipelineSignature", *, title: str) -> "Json":
    """Return the schema of the body of ``POST /pipelines/{name}/run``, with references to its own ``$defs``."""
    own: Json = {
        "inputs": signature.inputs,
        "params": signature.params,
        "outputs": outputs_choice(signature),
    }
    described = {name: {"description": _DESCRIPTIONS[name], **schema} for name, schema in own.items()}
    required = [name for name in ("inputs", "params") if own[name].get("required")]
    params = _defaults(signature.params)
    return {
        "$schema": _DIALECT,
        "title": title,
        "type": "object",
        "properties": {**described, **option_schemas()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
        "examples": [{"params": params} if params else {}],
        **({"$defs": dict(signature.definitions)} if signature.definitions else {}),
    }


def outputs_choice(signature: "PipelineSignature") -> "Json":
    """Return the schema of the names of outputs."""
    names: Json = {"type": "string", "enum": list(signature.outputs)} if signature.outputs else {"type": "string"}
    bounds: Json = {} if signature.outputs else {"maxItems": 0}
    about: Json = {"x-kedro": {"streamed": list(signature.streamed)}} if signature.streamed else {}
    return {"type": "array", "items": names, **bounds, "default": list(signature.default_outputs), **about}


def option_schemas() -> "Json":
    """Return the schemas of the other fields of `RunSubmission`, which are the same for all pipelines."""
    definitions = msgspec.json.schema(RunSubmission)["$defs"]
    properties = definitions["RunSubmission"]["properties"]
    options = {name: found for name, found in properties.items() if name not in (*_OWN, "pipeline_names")}
    return {
        name: {key: _inlined(part, definitions) for key, part in found.items() if part is not None}
        for name, found in options.items()
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema without references to ``definitions``, which hold no reference to themselves."""
    match schema:
        case {"$ref": str(reference)}:
            return _inlined(definitions[reference.rpartition("/")[2]], definitions)
        case dict():
            return {key: _inlined(part, definitions) for key, part in schema.items()}
        case list():
            return [_inlined(part, definitions) for part in schema]
    return schema


def slice_in(body: Any, name: str) -> Slice:
    """Return the slice that a body asks for; filters of a wrong type, which the check reports, count as absent."""
    given = body.keys() & SLICE_FILTERS if isinstance(body, dict) else ()
    return Slice(pipeline_names=(name,), **{field: tuple(body[field]) for field in given if _is_names(body[field])})


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _defaults(schema: "Json") -> Any:
    """Return the project's own values of parameters, as a caller would send them."""
    if "default" in schema or "properties" not in schema:
        return schema.get("default")
    found = {name: _defaults(inner) for name, inner in schema["properties"].items()}
    return {name: value for name, value in found.items() if value is not None}
