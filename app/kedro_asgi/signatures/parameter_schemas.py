"""The parameters that a pipeline uses, as JSON Schema."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import UNSET

from kedro_asgi.pipeline import Node
from kedro_asgi.redaction import names_secret
from kedro_asgi.reserved_names import ALL_PARAMETERS, PARAMS_PREFIX
from kedro_asgi.signatures.body_check import BodyCheck
from kedro_asgi.signatures.definitions import Definitions, Json
from kedro_asgi.signatures.hint_schemas import hint_schema
from kedro_asgi.signatures.shown_values import shown_value
from kedro_asgi.validation.hints import parameter_hints

IsSecret = Callable[[str], object]


class ParameterBranch:
    """A parameter that nodes use as a whole, with their type hints, or a mapping in which they use parameters."""

    def __init__(self) -> None:
        self.hints: list[Any] = []
        self.is_whole = False
        self.children: dict[str, ParameterBranch] = {}

    @classmethod
    def of(cls, nodes: Iterable[Node], values: Mapping[str, Any]) -> "ParameterBranch":
        """Return the root: the parameters that ``nodes`` use of a project whose parameters are ``values``."""
        root = cls()
        for node in nodes:
            arguments = {dataset: name for name, dataset in node.arguments}
            hints = parameter_hints(node.func, arguments.values(), include_extras=True)
            for dataset in node.inputs:
                if dataset == ALL_PARAMETERS:
                    root.is_whole = True
                elif dataset.startswith(PARAMS_PREFIX):
                    branch = root._at(dataset[len(PARAMS_PREFIX) :], values)
                    branch.is_whole = True
                    branch.hints += [hints[name] for name in [arguments.get(dataset)] if name in hints]
        return root

    def _at(self, path: str, values: Mapping[str, Any]) -> "ParameterBranch":
        branch = self
        for key in _keys(path, values):
            branch = branch.children.setdefault(key, ParameterBranch())
        return branch


def _keys(path: str, values: Any) -> list[str]:
    """Return the keys that lead to the parameter ``path``; a key of the project may have dots in it."""
    known = values if isinstance(values, Mapping) else {}
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        key, rest = ".".join(parts[:count]), ".".join(parts[count:])
        if key in known:
            return [key, *(_keys(rest, known[key]) if rest else ())]
    return parts


def parameters_schema(
    root: ParameterBranch, values: Mapping[str, Any], definitions: Definitions, *, is_secret: IsSecret = names_secret
) -> Json:
    """Return the schema of the parameters that a caller may bring; ``values`` are those of the project.

    A parameter that the project has is optional, and so is each of its keys, since a run merges what the caller brings
    over it.
    """
    children = dict(root.children)
    if root.is_whole:
        children.update({str(key): ParameterBranch() for key in values if key not in children})
    return _mapping_schema(children, values, definitions, is_secret, is_open=root.is_whole)


def _mapping_schema(
    children: Mapping[str, ParameterBranch],
    values: Mapping[str, Any],
    definitions: Definitions,
    is_secret: IsSecret,
    *,
    is_open: bool,
) -> Json:
    properties: dict[str, Json] = {}
    required = []
    for key, branch in children.items():
        value = values.get(key, UNSET)
        properties[key] = _branch_schema(key, branch, value, definitions, is_secret)
        if _is_required(branch, value):
            required.append(key)
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": is_open,
    }


def _is_required(branch: ParameterBranch, value: Any) -> bool:
    if branch.is_whole or not isinstance(value, Mapping):
        return value is UNSET
    return any(_is_required(child, value.get(key, UNSET)) for key, child in branch.children.items())


def _branch_schema(
    key: str, branch: ParameterBranch, value: Any, definitions: Definitions, is_secret: IsSecret
) -> Json:
    schema = _typed_schema(branch, value, definitions)
    if not schema and branch.children:
        below = value if isinstance(value, Mapping) else {}
        schema = _mapping_schema(branch.children, below, definitions, is_secret, is_open=branch.is_whole)
    if not branch.is_whole:
        # The parameters below have the defaults.
        return schema
    shown = UNSET if value is UNSET else shown_value(key, value, is_secret=is_secret)
    return schema if shown is UNSET else {**schema, "default": shown}


def _typed_schema(branch: ParameterBranch, value: Any, definitions: Definitions) -> Json:
    """Return the schema of the first type hint that says something and that allows the project's own value."""
    for hint in branch.hints:
        found = hint_schema(hint)
        if found and _fits(found, value):
            return without_required(definitions.take(found), value, definitions)
    return {}


def _fits(schema: Json, value: Any) -> bool:
    try:
        return value is UNSET or not list(BodyCheck(schema).problems(value))
    except Exception:  # such as a pattern that the library does not know, or a value that is no JSON
        return False


def without_required(schema: Json, value: Any, definitions: Definitions) -> Json:
    """Return ``schema`` without the requirement of keys that ``value``, the project's own, has."""
    if not isinstance(value, Mapping):
        return schema
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return {**schema, key: [without_required(found, value, definitions) for found in schema[key]]}
    found = definitions.find(schema)
    properties = found.get("properties", {})
    relaxed = {
        key: without_required(inner, value[key], definitions) for key, inner in properties.items() if key in value
    }
    required = [key for key in found.get("required", ()) if key not in value]
    if required == found.get("required", []) and all(relaxed[key] is properties[key] for key in relaxed):
        return schema
    rest = {key: part for key, part in {**found, **schema}.items() if key not in ("$ref", "required")}
    return {**rest, "properties": {**properties, **relaxed}, **({"required": required} if required else {})}
