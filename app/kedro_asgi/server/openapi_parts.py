"""Parts that operations of the OpenAPI document share: parameters, and answers."""

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from kedro_asgi import limits, schemas
from kedro_asgi.media_types import JSON, PROBLEM
from kedro_asgi.runs import RunStatus
from kedro_asgi.server.openapi_schemas import Json, schema
from kedro_asgi.server.queries import EVENT_NAMES


def operation(
    tag: str,
    operation_id: str,
    responses: Json,
    *,
    parameters: Sequence[Json] | None = None,
    body: type[msgspec.Struct] | None = None,
) -> Json:
    """Return an operation; every one may fail, and its answers come in the order of their statuses."""
    answers = {"500": in_json("The server failed.", schemas.HTTPError), **responses}
    described: Json = {"tags": [tag], "operationId": operation_id, "responses": dict(sorted(answers.items()))}
    if parameters is not None:
        described["parameters"] = parameters
    if body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema(body)}}}
    return described


# --- parameters ---


def parameter(where: str, name: str, schema: Json | None = None, **more: Any) -> Json:
    """Return a parameter; those of a path are required, and text is the default of the schema."""
    return {"name": name, "in": where, "required": where == "path", "schema": schema or {"type": "string"}, **more}


def wait() -> Json:
    """Return the parameter that says how long to wait for the end of a run."""
    return parameter("query", "wait", {"type": "number", "minimum": 0, "maximum": limits.MAX_WAIT_SECONDS})


def timeout() -> Json:
    """Return the parameter that limits the time of a run."""
    seconds: Json = {"type": "number", "exclusiveMinimum": 0, "maximum": limits.MAX_TIMEOUT_SECONDS}
    return parameter("query", "timeout_seconds", seconds, description="The run is stopped after this time.")


def hang_up() -> Json:
    """Return the parameter that says what becomes of a run whose client disconnects."""
    text = "Whether the run is cancelled or goes on when the client disconnects; the server has a default."
    return parameter("query", "on_hang_up", {"type": "string", "enum": ["cancel", "continue"]}, description=text)


def idempotency_key() -> Json:
    """Return the header with an idempotency key."""
    text: Json = {"type": "string", "minLength": 1, "maxLength": limits.MAX_KEY_LENGTH, "pattern": schemas.KEY_PATTERN}
    return parameter("header", "Idempotency-Key", text)


def drawing() -> list[Json]:
    """Return the parameters that say how a pipeline is drawn."""
    namespaces: Json = {"type": "array", "items": {"type": "string"}}
    flag: Json = {"type": "string", "enum": ["true", "false"]}
    return [
        parameter("query", "collapse", namespaces, description="Namespaces that are drawn as one box each."),
        parameter("query", "parameters", flag, description="Whether parameters are drawn."),
    ]


def run_filters() -> list[Json]:
    """Return the parameters of a list of runs."""
    status: Json = {"type": "array", "items": {"type": "string", "enum": list(get_args(RunStatus))}}
    label: Json = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}, "maxItems": limits.MAX_LABELS}
    return [
        parameter("query", "status", status, description="Runs with any of these statuses."),
        parameter("query", "pipeline"),
        parameter("query", "label", label, description="Runs with all of these labels: name=value"),
        parameter("query", "since", {"type": "string", "format": "date-time"}),
        parameter("query", "cursor", {"type": "string", "pattern": schemas.RUN_ID_PATTERN}),
        parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": limits.MAX_PAGE_RUNS}),
    ]


def event_filter() -> Json:
    """Return the parameter that selects events."""
    names: Json = {"type": "array", "items": {"type": "string", "enum": sorted(EVENT_NAMES)}}
    return parameter("query", "event", names, description="Only events with these names.")


def resumption(schema: Json) -> list[Json]:
    """Return the parameters that name the last event that a client has."""
    return [parameter("header", "Last-Event-ID", schema), parameter("query", "after", schema)]


# --- answers ---


STREAMED = (
    "With `Accept: text/event-stream` or `application/x-ndjson`, the answer comes as events, each a `StreamedEvent`: "
    "what generator nodes yield for the outputs, chunk by chunk, then the answer."
)
"""Generators join the types of all answers of an operation, so a stream has no type there."""


def answer_in(description: str, schemas: Json) -> Json:
    """Return an answer with a schema for each media type."""
    return {"description": description, "content": {kind: {"schema": found} for kind, found in schemas.items()}}


def in_json(description: str, *structs: type[msgspec.Struct]) -> Json:
    """Return an answer of JSON that has the form of one of ``structs``, or any form."""
    return answer_in(description, {JSON: schema(*structs)})


def svg(description: str) -> Json:
    """Return an answer that is a picture."""
    return answer_in(description, {"image/svg+xml": {"type": "string"}})


def problem(description: str) -> Json:
    """Return an answer of ``application/problem+json``."""
    return answer_in(description, {PROBLEM: schema(schemas.Problem)})


def busy() -> Json:
    """Return the answers of a server that accepts no run."""
    return {
        "429": problem("The running and queued runs have reached their limits."),
        "503": problem("The server is shutting down, or its store is not available."),
    }


def no_run() -> Json:
    """Return the answer where there is no such run."""
    return {"404": problem("The run does not exist.")}


def invalid_query() -> Json:
    """Return the answer to a parameter that is invalid."""
    return {"422": problem("A parameter is invalid.")}


def no_project() -> Json:
    """Return the answer while the project cannot be read."""
    return {"503": problem("The project cannot be read, or the store of runs is not available.")}


def no_store() -> Json:
    """Return the answer while the store is not available."""
    return {"503": problem("The store of runs is not available.")}
