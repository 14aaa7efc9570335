"""Checks the JSON body of a run against its schema."""

from collections.abc import Iterator
from typing import Any

import msgspec

from kedro_asgi.errors.wording import shortened
from kedro_asgi.signatures.definitions import Json

ValuePath = tuple[str | int, ...]

# The length of the text that lists what a value may be.
_MAX_OPTIONS = 500


class BodyProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of a body: a stable ``kind``, the path to the value, and a sentence for people."""

    kind: str
    path: ValuePath
    message: str


class BodyCheck:
    """A compiled schema; thread-safe. A check of a small body takes under a microsecond.

    Formats are not checked: JSON Schema's ``date-time`` asks for a time zone, and runs do not.
    """

    def __init__(self, schema: Json) -> None:
        # The first schema that is compiled loads the library, so that a server without one starts sooner.
        from jsonschema_rs import Draft202012Validator

        self._validator = Draft202012Validator(schema, validate_formats=False, offline=True)

    def problems(self, body: Any) -> Iterator[BodyProblem]:
        """Yield what is wrong in ``body``, in the order of the schema."""
        try:
            errors = () if self._validator.is_valid(body) else self._validator.iter_errors(body)
        except (UnicodeEncodeError, ValueError, RecursionError) as error:
            # Half of a surrogate pair, or values that are nested too deeply.
            yield BodyProblem(kind="invalid", path=(), message=f"The body cannot be checked: {error}")
            return
        for found in errors:
            yield from _problems(found)


def _problems(error: Any) -> Iterator[BodyProblem]:
    path = tuple(error.instance_path)
    facts = error.kind.as_dict()
    match error.kind.name:
        case "required":
            yield BodyProblem(kind="missing", path=(*path, facts["property"]), message="Field required")
        case "additionalProperties":
            for name in facts["unexpected"]:
                message = "Extra inputs are not permitted"
                yield BodyProblem(kind="extra_forbidden", path=(*path, name), message=message)
        case "anyOf" | "oneOf":
            yield from _nearest(error, facts)
        case kind:
            yield BodyProblem(kind=_KINDS.get(kind, kind), path=path, message=_message(kind, facts))


def _nearest(error: Any, facts: Json) -> Iterator[BodyProblem]:
    """Yield the problems of the alternative that a value resembles most: not ``null``, and with the deepest problem."""
    alternatives = [found for found in facts.get("context") or () if found]
    depth = len(error.instance_path)
    deep = [
        found for found in alternatives if any(len(one.instance_path) > depth or not _is_type(one) for one in found)
    ]
    if len(deep) == 1:
        for one in deep[0]:
            yield from _problems(one)
        return
    types = [name for found in alternatives for one in found if _is_type(one) for name in one.kind.as_dict()["types"]]
    message = f"Input should be {_listed(types)}" if types else "Input fits none of the alternatives"
    yield BodyProblem(kind="union", path=tuple(error.instance_path), message=message)


def _is_type(error: Any) -> bool:
    return bool(error.kind.name == "type")


_KINDS = {
    "type": "type_error",
    "enum": "enum",
    "const": "literal_error",
    "minimum": "greater_than_equal",
    "exclusiveMinimum": "greater_than",
    "maximum": "less_than_equal",
    "exclusiveMaximum": "less_than",
    "minItems": "too_short",
    "minLength": "string_too_short",
    "maxItems": "too_long",
    "maxProperties": "too_long",
    "maxLength": "string_too_long",
    "pattern": "string_pattern_mismatch",
    "uniqueItems": "not_unique",
}
_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _message(kind: str, facts: Json) -> str:
    match kind:
        case "type":
            return f"Input should be {_listed(facts['types'])}"
        case "enum":
            return f"Input should be one of {shortened(', '.join(map(repr, facts['options'])), _MAX_OPTIONS)}"
        case "const":
            return f"Input should be {facts['expected_value']!r}"
        case "minimum":
            return f"Input should be greater than or equal to {facts['limit']}"
        case "exclusiveMinimum":
            return f"Input should be greater than {facts['limit']}"
        case "maximum":
            return f"Input should be less than or equal to {facts['limit']}"
        case "exclusiveMaximum":
            return f"Input should be less than {facts['limit']}"
        case "minItems" | "minLength":
            return f"Input should have at least {facts['limit']} item(s)"
        case "maxItems" | "maxLength" | "maxProperties":
            return f"Input should have at most {facts['limit']} item(s)"
        case "pattern":
            return f"Input should match the pattern '{facts['pattern']}'"
        case "propertyNames":
            return "The name of an item is not allowed"
        case "uniqueItems":
            return "Input should have no item twice"
    return f"Input does not satisfy '{kind}' of the schema"


def _listed(types: list[str]) -> str:
    return " or ".join(dict.fromkeys(_TYPES[name] for name in types))
