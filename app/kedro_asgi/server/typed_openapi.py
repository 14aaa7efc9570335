"""The operations that run single pipelines, with their own types, in the OpenAPI document."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from kedro_asgi.media_types import JSON
from kedro_asgi.schemas import HTTPError, RunFailure
from kedro_asgi.server.generator_schemas import for_generators
from kedro_asgi.server.openapi_parts import (
    STREAMED,
    answer_in,
    busy,
    hang_up,
    idempotency_key,
    operation,
    problem,
)
from kedro_asgi.server.openapi_schemas import schema, schema_of
from kedro_asgi.server.openapi_tables import with_tables
from kedro_asgi.server.typed_pipeline import TypedPipeline
from kedro_asgi.signatures import Definitions, Json

_COMPONENTS = "#/components/schemas/"
_WORD = re.compile(r"[A-Za-z0-9]+")


def with_pipelines(document: Json, pipelines: Mapping[str, TypedPipeline]) -> Json:
    """Return the document with an operation for each of ``pipelines``, and the schemas of its body and answer."""
    known: Json = document["components"]["schemas"]
    added = Definitions(_COMPONENTS, reserved=known)
    # Generators make a class of each schema with a title, and all pipelines have the same retries.
    shared = {"retries": known["RunRequest"]["properties"]["retries"]}
    operation_ids = Definitions()
    paths: Json = {}
    for name, pipeline in pipelines.items():
        words = [word.lower() for word in _WORD.findall(name)] or ["pipeline"]
        operation_id = operation_ids.reserve("_".join(["run", *words]))
        prefix = "".join(word.capitalize() for word in words)
        body = _body(pipeline, prefix, added, shared)
        answer = _answer(pipeline, prefix, added, known["RunSuccess"])
        paths[f"/pipelines/{quote(name, safe='')}/run"] = {
            "post": _run_operation(
                operation_id,
                name,
                body,
                answer,
                is_body_required=bool(pipeline.schema.get("required")),
                is_streamed=bool(pipeline.signature.streamed),
            )
        }
    # Some generators would use the title instead of the name.
    schemas = {name: {**for_generators(schema), "title": name} for name, schema in added.schemas.items()}
    return {
        **document,
        "paths": {**document["paths"], **paths},
        "components": {**document["components"], "schemas": {**known, **schemas}},
    }


def _run_operation(
    operation_id: str, name: str, body: Json, answer: Json, *, is_body_required: bool, is_streamed: bool
) -> Json:
    """Return the operation that runs the pipeline ``name``; ``body`` and ``answer`` are schemas of its own."""
    responses = {
        "200": answer_in("How the run ended; a failed run answers 200 too.", {JSON: answer}),
        "404": problem("There is no such pipeline any more."),
        "408": problem("The body did not arrive in time."),
        "413": problem("The body is too large."),
        "422": problem("The body does not fit the pipeline, and nothing was run; each error names its place."),
        **busy(),
        "500": answer_in(
            "The server failed; or the run failed, and the server has a status for that.",
            {JSON: {"anyOf": [schema(HTTPError), schema(RunFailure)]}},
        ),
    }
    described = operation("pipelines", operation_id, responses, parameters=[idempotency_key(), hang_up()])
    content = {JSON: {"schema": body}}
    # Generators join the types of all answers, so the others have no type here.
    stored = "With `Prefer: respond-async`, the run is stored, and the answer is that of `POST /runs`."
    description = f"{stored} {STREAMED}" if is_streamed else stored
    described = {
        **described,
        "summary": f"Run pipeline {name}",
        "description": description,
        "requestBody": {"required": is_body_required, "content": content},
    }
    return with_tables(described, answers=True)


def _body(pipeline: TypedPipeline, prefix: str, added: Definitions, shared: Json) -> Json:
    schema = {key: value for key, value in added.take(pipeline.schema).items() if key != "$schema"}
    named = {
        part: added.add(f"{prefix}{part.capitalize()}", schema["properties"][part]) for part in ("inputs", "params")
    }
    return added.add(f"{prefix}Request", {**schema, "properties": {**schema["properties"], **named, **shared}})


def _answer(pipeline: TypedPipeline, prefix: str, added: Definitions, success: Json) -> Json:
    signature = pipeline.signature
    results = added.take({**signature.results, "$defs": dict(signature.definitions)})
    outputs = added.add(f"{prefix}Outputs", results)
    typed: Json = {
        **success,
        "description": "A run of this pipeline that succeeded.",
        "properties": {**success["properties"], "outputs": outputs},
        "required": [*success["required"], "outputs"],
    }
    typed.pop("title", None)
    succeeded = added.add(f"{prefix}Success", typed)
    failed = schema_of(RunFailure.__name__)
    mapping: dict[str, Any] = {"success": succeeded["$ref"], "failure": failed["$ref"]}
    return {"oneOf": [succeeded, failed], "discriminator": {"propertyName": "status", "mapping": mapping}}
