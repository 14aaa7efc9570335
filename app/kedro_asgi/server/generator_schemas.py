"""JSON Schema in the form of which generators of clients make usable types."""

from typing import Any

from kedro_asgi.signatures import Json

# Keywords whose value maps names to schemas: the names are no keywords.
_NAMED = ("properties", "patternProperties", "$defs")
# Keywords whose value is data.
_DATA = ("default", "examples", "enum", "const", "required", "x-kedro")
_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
)


def for_generators(schema: Any) -> Any:
    """Return ``schema`` with the same meaning for what is sent, without what misleads generators.

    A default makes a field required in some languages, so it becomes an example. Values of several types become
    alternatives, each of one type. A list says what it holds, and an object without named fields holds any.
    """
    if isinstance(schema, list):
        return [for_generators(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _keyword(key, value) for key, value in schema.items()}
    if "default" in tidied:
        default = tidied.pop("default")
        if default is not None:
            tidied.setdefault("examples", [default])
    if tidied.get("items") is False:
        del tidied["items"]
    match tidied.get("type"):
        case "array" if "prefixItems" not in tidied:
            tidied.setdefault("items", {})
        case "object" if not tidied.get("properties"):
            tidied.setdefault("additionalProperties", True)
    return _with_typed_enum(tidied) if "enum" in tidied else tidied


def _keyword(key: str, value: Any) -> Any:
    if key in _DATA:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: for_generators(inner) for name, inner in value.items()}
    return for_generators(value)


def _with_typed_enum(schema: Json) -> Json:
    groups: dict[str, list[Any]] = {}
    for value in schema["enum"]:
        groups.setdefault(_type_of(value), []).append(value)
    if len(groups) == 1:
        kind = next(iter(groups))
        return {**schema, "type": kind} if kind else schema
    rest = {key: value for key, value in schema.items() if key not in ("enum", "type")}
    alternatives = [_values(kind, found) for kind, found in groups.items()]
    return {**rest, "anyOf": alternatives} if all(groups) else schema


def _values(kind: str, values: list[Any]) -> Json:
    return {"type": "null"} if kind == "null" else {"type": kind, "enum": values}


def _type_of(value: Any) -> str:
    return next((name for kind, name in _TYPES if type(value) is kind), "")
