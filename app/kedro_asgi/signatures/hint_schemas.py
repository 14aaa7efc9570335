"""Type hints as JSON Schema: made by msgspec, or by pydantic where a hint names something of pydantic."""

import sys
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from kedro_asgi.signatures.body_check import BodyCheck
from kedro_asgi.signatures.definitions import LOCAL, Json
from kedro_asgi.signatures.shown_values import with_shown_values
from kedro_asgi.signatures.table_schemas import table_schema
from kedro_asgi.validation.hints import names_pydantic

Mode = Literal["validation", "serialization"]

_TEMPLATE = LOCAL + "{name}"


def hint_schema(hint: Any, *, mode: Mode = "validation") -> Json:
    """Return the schema of the JSON values that ``hint`` allows, with named parts under ``$defs``.

    A schema without ``type`` and the like allows anything: so does a hint that neither library knows.
    """
    table = table_schema(hint)
    if table is not None:
        return table
    make: Callable[[Any, Mode], Json] = _pydantic_schema if names_pydantic(hint) else _msgspec_schema
    try:
        schema = with_shown_values(make(hint, mode))
        # A pattern may mean something to Python alone.
        BodyCheck(schema)
    except Exception:  # the code of a project's models may raise anything
        return {}
    return schema


def _msgspec_schema(hint: Any, mode: Mode) -> Json:
    (schema,), definitions = msgspec.json.schema_components([hint], schema_hook=_unknown, ref_template=_TEMPLATE)
    return {**schema, **({"$defs": definitions} if definitions else {})}


def _pydantic_schema(hint: Any, mode: Mode) -> Json:
    adapter = sys.modules["pydantic"].TypeAdapter(hint)
    schema: Json = adapter.json_schema(mode=mode, ref_template=LOCAL + "{model}")
    return schema


def _unknown(kind: Any) -> Json:
    """Return the schema of a class that msgspec does not know."""
    return table_schema(kind) or {"title": getattr(kind, "__name__", str(kind))}
