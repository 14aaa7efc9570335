"""Type hints as JSON Schema: made by msgspec, or by pydantic where a hint names something of pydantic."""

import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

from kedro_asgi.signatures.definitions import LOCAL, Json
from kedro_asgi.signatures.table_schemas import table_schema

Mode = Literal["validation", "serialization"]

_TEMPLATE = LOCAL + "{name}"
_PYDANTIC = ("pydantic", "annotated_types")


def hint_schema(hint: Any, *, mode: Mode = "validation") -> Json:
    """Return the schema of the JSON values that ``hint`` allows, with named parts under ``$defs``.

    A schema without ``type`` and the like allows anything: so does a hint that neither library knows.
    """
    table = table_schema(hint)
    if table is not None:
        return table
    make: Callable[[Any, Mode], Json] = _pydantic_schema if _names_pydantic(hint) else _msgspec_schema
    try:
        return make(hint, mode)
    except Exception:  # the code of a project's models may raise anything
        return {}


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


def _names_pydantic(hint: Any) -> bool:
    if "pydantic" not in sys.modules:
        return False
    return any(kind.__module__.partition(".")[0] in _PYDANTIC for part in _parts(hint) for kind in _classes(part))


def _parts(hint: Any) -> Iterator[Any]:
    """Yield a hint and all that it is made of, the metadata of ``Annotated`` included."""
    yield hint
    if get_origin(hint) is not Literal:
        for part in (*get_args(hint), *getattr(hint, "__metadata__", ())):
            yield from _parts(part)


def _classes(part: Any) -> tuple[type, ...]:
    return part.__mro__ if isinstance(part, type) else type(part).__mro__
