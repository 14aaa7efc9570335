"""Tables as JSON Schema: lists of records, with the columns that a schema of pandera declares."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, get_origin

from kedro_asgi.io.inputs import frame_library
from kedro_asgi.signatures.definitions import Json
from kedro_asgi.validation import declared_schema, schema_of

_LISTS = frozenset({("pandas", "Series"), ("pandas", "Index"), ("polars", "Series"), ("numpy", "ndarray")})

# The beginning of the text of a column's type, in lower case.
_TYPES: tuple[tuple[tuple[str, ...], Json], ...] = (
    (("int", "uint"), {"type": "integer"}),
    (("float", "decimal"), {"type": "number"}),
    (("bool",), {"type": "boolean"}),
    (("datetime", "timestamp"), {"type": "string", "format": "date-time"}),
    (("date",), {"type": "string", "format": "date"}),
    (("str", "utf8"), {"type": "string"}),
)
_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Json]] = MappingProxyType(
    {
        "greater_than_or_equal_to": lambda facts: {"minimum": facts["min_value"]},
        "less_than_or_equal_to": lambda facts: {"maximum": facts["max_value"]},
        "greater_than": lambda facts: {"exclusiveMinimum": facts["min_value"]},
        "less_than": lambda facts: {"exclusiveMaximum": facts["max_value"]},
        "in_range": lambda facts: {
            "minimum" if facts.get("include_min", True) else "exclusiveMinimum": facts["min_value"],
            "maximum" if facts.get("include_max", True) else "exclusiveMaximum": facts["max_value"],
        },
        "isin": lambda facts: {"enum": list(facts["allowed_values"])},
        "equal_to": lambda facts: {"const": facts["value"]},
    }
)
_PLAIN = (str, int, float, bool)


def table_schema(hint: Any) -> Json | None:
    """Return the schema of a frame or an array, as ``hint`` declares it; ``None`` for any other hint."""
    kind = get_origin(hint) or hint
    if not isinstance(kind, type):
        return None
    if frame_library(hint) is not None:
        return records_schema(declared_schema(hint))
    return {"type": "array", "items": {}} if _is_list(kind) else None


def records_schema(declared: Any = None) -> Json:
    """Return the schema of a list of records whose columns ``declared``, a schema or a model of pandera, names."""
    row = None if declared is None else _row_schema(declared)
    return {"type": "array", "items": row or {"type": "object", "additionalProperties": True}}


def _is_list(kind: type) -> bool:
    return any((base.__module__.partition(".")[0], base.__name__) in _LISTS for base in kind.__mro__)


def _row_schema(declared: Any) -> Json | None:
    """Return the schema of a row, or ``None`` where pandera cannot tell its columns."""
    try:
        schema = schema_of(declared)
        columns = {str(name): column for name, column in schema.columns.items() if not column.regex}
        properties = {name: _column_schema(column) for name, column in columns.items()}
        required = [name for name, column in columns.items() if column.required]
        # "filter" drops further columns, so they are allowed.
        is_closed = schema.strict is True and len(columns) == len(schema.columns)
    except Exception:  # models of a project run code of their own
        return None
    return {
        "title": schema.name or "Row",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": not is_closed,
    }


def _column_schema(column: Any) -> Json:
    found = dict(_type_schema(str(column.dtype).lower()))
    for bounds in _checked(column, found):
        found |= bounds
    described = {"description": column.description} if column.description else {}
    return {**({"anyOf": [found, {"type": "null"}]} if column.nullable and found else found), **described}


def _type_schema(dtype: str) -> Json:
    return next((schema for starts, schema in _TYPES if dtype.startswith(starts)), {})


def _checked(column: Any, schema: Json) -> Iterator[Json]:
    for check in column.checks:
        make = _CHECKS.get(check.name or "")
        bounds = make(check.statistics or {}) if make is not None else {}
        # Bounds of a date have no form in JSON Schema.
        is_plain = all(isinstance(part, _PLAIN) for value in bounds.values() for part in _parts(value))
        if is_plain and "format" not in schema:
            yield bounds


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
