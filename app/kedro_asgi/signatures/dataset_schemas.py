"""The inputs and outputs of a pipeline as JSON Schema, from the hints of its nodes and from the catalog."""

from collections.abc import Iterable
from typing import Any

import msgspec

from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io import CatalogResolver
from kedro_asgi.io.builder import DatasetBuilder
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.io.inputs import load_annotations
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.runs import NO_PARAMS
from kedro_asgi.signatures.definitions import Definitions, Json
from kedro_asgi.signatures.hint_schemas import Mode, hint_schema
from kedro_asgi.signatures.table_schemas import records_schema
from kedro_asgi.tables import never_has_plain_form
from kedro_asgi.validation import PanderaValidator, resolve_validator
from kedro_asgi.validation.extractor import argument_hints
from kedro_asgi.validation.hints import output_hints


class CatalogFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the catalog about one dataset; ``type`` is ``None`` where it has no entry or only a run knows."""

    is_in_memory: bool = True
    is_table: bool = False
    type: str | None = None
    loaded: Any = None
    rows: Any = None

    @classmethod
    def of(cls, name: str, resolver: CatalogResolver | None) -> "CatalogFacts":
        """Return the facts of dataset ``name``; constructs nothing."""
        builder = None if resolver is None else resolver.builder(name)
        if builder is None:
            return cls()
        try:
            kind = builder.dataset_class(NO_PARAMS)
            is_table = builder.table_form(NO_PARAMS) is not None
        except KedroAsgiError:
            # An entry that only a run completes, or a broken one, which the run reports.
            return cls(is_in_memory=False)
        hints = [hint for hint in load_annotations(kind) if hint is not None and hint is not Any]
        return cls(
            is_in_memory=not is_persistent(kind),
            is_table=is_table,
            type=class_path(kind),
            loaded=hints[0] if hints else None,
            rows=_declared_rows(builder),
        )


def _declared_rows(builder: DatasetBuilder) -> Any:
    """Return the schema of pandera that validates the dataset."""
    try:
        spec = builder.validator(NO_PARAMS)
        validator = None if spec is None or not spec.enabled else resolve_validator(spec)
    except Exception:  # a validator's module may raise anything; the run reports it
        return None
    return validator.schema if isinstance(validator, PanderaValidator) else None


def inputs_schema(pipeline: Pipeline, names: list[str], facts: dict[str, CatalogFacts], taken: Definitions) -> Json:
    """Return the schema of the free inputs, which are required, and of datasets that a caller may replace."""
    hints = argument_hints(pipeline.nodes)
    required = [name for name in names if facts[name].is_in_memory]
    return {
        "type": "object",
        "properties": {name: taken.take(_input_schema(hints.get(name, []), facts[name])) for name in names},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def outputs_schema(pipeline: Pipeline, names: list[str], facts: dict[str, CatalogFacts], taken: Definitions) -> Json:
    """Return the schema of the outputs of an answer, which holds those that were asked for and could be given."""
    hints = _result_hints(pipeline)
    found = {name: _schema([hints[name]] if name in hints else [], facts[name], "serialization") for name in names}
    properties = {name: taken.take(_with_missing_numbers(schema)) for name, schema in found.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def givable_outputs(pipeline: Pipeline, facts: dict[str, CatalogFacts], *, own_package: str) -> list[str]:
    """Return the datasets that nodes produce, but those that can never be JSON, in the order of the nodes."""
    hints = _result_hints(pipeline)
    return [
        name
        for node in pipeline.nodes
        for name in node.outputs
        if not any(
            never_has_plain_form(hint, own_package=own_package) for hint in (facts[name].loaded, hints.get(name))
        )
    ]


def _input_schema(hints: list[Any], facts: CatalogFacts) -> Json:
    schema = _schema(hints, facts, "validation")
    about = {"table": _is_table(schema), "type": facts.type}
    return {**schema, "x-kedro": about}


def _schema(hints: list[Any], facts: CatalogFacts, mode: Mode) -> Json:
    found = next((schema for hint in hints if (schema := hint_schema(hint, mode=mode))), {})
    is_table = facts.is_table or facts.rows is not None
    if is_table and not (_is_table(found) and found["items"].get("properties")):
        return records_schema(facts.rows)
    return found


def _with_missing_numbers(schema: Any) -> Any:
    """Return ``schema`` with ``null`` beside each number: JSON has no NaN and no infinity."""
    if isinstance(schema, list):
        return [_with_missing_numbers(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tree = {key: _with_missing_numbers(value) for key, value in schema.items()}
    return {"anyOf": [tree, {"type": "null"}]} if tree.get("type") == "number" else tree


def _is_table(schema: Json) -> bool:
    return schema.get("type") == "array" and schema.get("items", {}).get("type") == "object"


def streamed_outputs(pipeline: Pipeline, outputs: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``outputs`` that generator nodes make."""
    made = {name for node in pipeline.nodes if node.is_generator for name in node.outputs}
    return tuple(name for name in outputs if name in made)


def _result_hints(pipeline: Pipeline) -> dict[str, Any]:
    # The hint of a generator is about chunks.
    nodes = [node for node in pipeline.nodes if not node.is_generator]
    return {name: hint for node in nodes for name, hint in output_hints(node.func, node.outputs).items()}
