"""The schemas of the OpenAPI document, made from structs so that generators make usable clients of them."""

import inspect
import re
from collections.abc import Iterable
from datetime import datetime
from types import UnionType
from typing import Any, get_args, get_type_hints

import msgspec

from kedro_asgi import inference_schemas, pipeline_schemas, schemas
from kedro_asgi.events import RunEvent
from kedro_asgi.runs import RunPage, RunRecord
from kedro_asgi.schemas import StreamedEvent
from kedro_asgi.server.generator_schemas import for_generators

Json = dict[str, Any]
Structs = Iterable[type[msgspec.Struct]]

_REF = "#/components/schemas/{name}"
# All classes there are bodies.
_BODIES = tuple(
    kind
    for module in (schemas, pipeline_schemas, inference_schemas)
    for kind in vars(module).values()
    if getattr(kind, "__module__", None) == module.__name__
)
_STRUCTS: tuple[type[msgspec.Struct], ...] = (*_BODIES, RunPage, RunRecord, *get_args(RunEvent))
_DATE_TIME: Json = {"type": "string", "format": "date-time"}
_BOOL_PATTERN = "|".join("".join(f"[{sign.upper()}{sign}]" for sign in word) for word in schemas.BOOL_WORDS)
_BOOL: Json = {
    "anyOf": [
        {"type": "boolean"},
        {"type": "integer", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": f"^({_BOOL_PATTERN})$"},
    ]
}
_CONTRACT_TAG = re.compile(r" ?\([A-Z]+-\d+\)")


def components() -> Json:
    """Return the schemas of all bodies and events."""
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    structs = {struct.__name__: struct for struct in _with_nested(_STRUCTS)}
    described = {name: _described(structs[name], schema) for name, schema in schemas.items()}
    streamed = {str(kind.__struct_config__.tag): kind for kind in get_args(StreamedEvent)}
    return {
        **described,
        "RunEvent": _tagged("event", {kind.__name__: kind for kind in get_args(RunEvent)}),
        "StreamedEvent": _tagged("event", streamed),
    }


def schema(*structs: type[msgspec.Struct]) -> Json:
    """Return the schema of any value, of one struct, or of two that their ``status`` tells apart."""
    if len(structs) == 2:
        return _tagged("status", dict(zip(("success", "failure"), structs, strict=True)))
    return schema_of(structs[0].__name__) if structs else {}


def schema_of(name: str) -> Json:
    """Return a reference to the schema that `components` has under ``name``."""
    return {"$ref": _REF.format(name=name)}


def _tagged(field: str, structs: dict[str, type[msgspec.Struct]]) -> Json:
    mapping = {tag: _REF.format(name=struct.__name__) for tag, struct in structs.items()}
    one_of = [{"$ref": ref} for ref in mapping.values()]
    return {"oneOf": one_of, "discriminator": {"propertyName": field, "mapping": mapping}}


def _described(struct: type[msgspec.Struct], schema: Json) -> Json:
    """Return a struct's schema, without what misleads generators.

    A default makes a field of a request required in some languages, so there are none. A response without
    ``omit_defaults`` holds all its fields, and the schema says so.
    """
    hints = get_type_hints(struct)
    properties = {name: _property(found, hints.get(name)) for name, found in schema["properties"].items()}
    if issubclass(struct, schemas.RunRequest):
        properties.update({name: _BOOL for name, hint in hints.items() if hint is bool})
    optional = {name for name, hint in hints.items() if msgspec.UnsetType in get_args(hint)}
    is_whole = not struct.__struct_config__.omit_defaults
    required = [name for name in properties if name not in optional] if is_whole else schema["required"]
    text = _CONTRACT_TAG.sub("", inspect.cleandoc(schema.get("description", "")))
    return {**schema, "description": text, "properties": properties, "required": required}


def _property(schema: Json, hint: Any) -> Json:
    if hint is datetime:
        return _DATE_TIME
    if isinstance(hint, UnionType) and datetime in get_args(hint):
        return {"anyOf": [_DATE_TIME, {"type": "null"}]}
    tidied: Json = for_generators({name: value for name, value in schema.items() if name != "default"})
    return tidied


def _with_nested(structs: Structs) -> Structs:
    """Return structs, and those that they hold in lists, mappings and unions."""
    found: dict[type[msgspec.Struct], None] = {}
    rest: list[Any] = list(structs)
    while rest:
        kind = rest.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind not in found:
                found[kind] = None
                rest += get_type_hints(kind).values()
        else:
            rest += get_args(kind)
    return found
