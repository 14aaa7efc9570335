"""The datasets in the signature of a pipeline: whether each is a table, and which columns it has."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kedro_asgi.signatures import Json
from kedro_asgi.signatures.definitions import LOCAL

_SCALARS = ("boolean", "integer", "number", "string")


class DatasetFacts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A dataset that a pipeline takes or gives; ``schema`` has no reference at its top.

    ``columns`` are those that are declared of a table, which may have others unless it ``is_closed``.
    """

    name: str
    schema: Json
    is_table: bool
    columns: Mapping[str, Json] = {}
    is_closed: bool = False
    is_required: bool = False

    @property
    def is_scalar(self) -> bool:
        """Whether the dataset is one value."""
        return self.schema.get("type") in _SCALARS

    @property
    def may_have_columns(self) -> bool:
        """Whether the dataset is a table, or may be one."""
        return self.is_table or self.is_anything

    @property
    def is_anything(self) -> bool:
        """Whether nothing is known of the dataset."""
        return not self.schema.keys() - {"x-kedro"}


def dataset_facts(schema: Json, definitions: Mapping[str, Json]) -> dict[str, DatasetFacts]:
    """Return the facts of the datasets that ``schema``, that of the inputs or of the results, describes."""
    required = schema.get("required", ())
    return {
        name: _facts(name, resolved(found, definitions), definitions, is_required=name in required)
        for name, found in schema["properties"].items()
    }


def _facts(name: str, schema: Json, definitions: Mapping[str, Json], *, is_required: bool) -> DatasetFacts:
    row = resolved(schema.get("items", {}), definitions) if schema.get("type") == "array" else {}
    columns = row.get("properties", {})
    return DatasetFacts(
        name=name,
        schema=schema,
        is_table=row.get("type") == "object",
        columns={column: resolved(found, definitions) for column, found in columns.items()},
        is_closed=row.get("additionalProperties") is False,
        is_required=is_required,
    )


def resolved(schema: Any, definitions: Mapping[str, Json]) -> Json:
    """Return the schema that references lead to, without the alternative ``null``."""
    found: Json = schema if isinstance(schema, dict) else {}
    seen: set[str] = set()
    while True:
        reference = found.get("$ref", "")
        alternatives = [one for one in found.get("anyOf", ()) if one != {"type": "null"}]
        if reference.startswith(LOCAL) and reference not in seen:
            seen.add(reference)
            found = {**definitions[reference.removeprefix(LOCAL)], **_without(found, "$ref")}
        elif len(alternatives) == 1:
            found = {**alternatives[0], **_without(found, "anyOf")}
        else:
            return found


def _without(schema: Json, key: str) -> Json:
    return {name: part for name, part in schema.items() if name != key}
