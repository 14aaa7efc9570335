"""The API's own description, made of the structs that it speaks (SRV-55, SRV-56)."""

from typing import Any

import msgspec

from kedro_asgi.schemas import (
    HealthResponse,
    HTTPError,
    HTTPValidationError,
    ReadyResponse,
    ReloadProblem,
    ReloadResponse,
    RunFailure,
    RunRequest,
    RunSuccess,
    SnapshotFailure,
    SnapshotSuccess,
)

_REF = "#/components/schemas/{name}"
_STRUCTS = (
    HealthResponse,
    HTTPError,
    HTTPValidationError,
    ReadyResponse,
    ReloadProblem,
    ReloadResponse,
    RunFailure,
    RunRequest,
    RunSuccess,
    SnapshotFailure,
    SnapshotSuccess,
)


def openapi(version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document; ``version`` is the Kedro version whose contract is served."""
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kedro Server", "version": version},
        "paths": {
            "/health": {"get": _health()},
            "/snapshot": {"get": _snapshot()},
            "/run": {"post": _run()},
            "/ready": {"get": _ready()},
            "/reload": {"post": _reload()},
        },
        "components": {"schemas": schemas},
    }


def _health() -> dict[str, Any]:
    answers = {"200": _json("The event loop answers.", _ref(HealthResponse))}
    return _operation("health", "health_health_get", answers)


def _snapshot() -> dict[str, Any]:
    parameter = {
        "name": "params",
        "in": "query",
        "required": False,
        "description": "Runtime parameters to apply: key=value,nested.key=value",
        "schema": {"type": "string"},
    }
    answers = {
        "200": _json("What the project registers and configures.", _either(SnapshotSuccess, SnapshotFailure)),
        "422": _json("The query is malformed.", _ref(HTTPValidationError)),
    }
    return {**_operation("inspection", "get_snapshot_snapshot_get", answers), "parameters": [parameter]}


def _run() -> dict[str, Any]:
    answers = {
        "200": _json("How the run ended; a failed run is an answer too.", _either(RunSuccess, RunFailure)),
        "413": _json("The body is too large.", _ref(HTTPError)),
        "422": _json("The body is no run request.", _ref(HTTPValidationError)),
    }
    body = {"required": True, "content": _content(_ref(RunRequest))}
    return {**_operation("pipeline", "run_pipeline_run_post", answers), "requestBody": body}


def _ready() -> dict[str, Any]:
    answers = {
        "200": _json("Everything that is to be preloaded is there.", _ref(ReadyResponse)),
        "503": _json("Not yet.", _ref(ReadyResponse)),
    }
    return _operation("health", "ready_ready_get", answers)


def _reload() -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref(ReloadProblem)}}
    answers = {
        "200": _json("Runs that begin now use what was read.", _ref(ReloadResponse)),
        "500": {"description": "It could not be read; nothing has changed.", "content": problem},
    }
    return _operation("upkeep", "reload_reload_post", answers)


def _operation(tag: str, operation_id: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {"tags": [tag], "operationId": operation_id, "responses": answers}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _content(schema)}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$ref": _REF.format(name=struct.__name__)}


def _either(success: type[msgspec.Struct], failure: type[msgspec.Struct]) -> dict[str, Any]:
    mapping = {"success": _ref(success)["$ref"], "failure": _ref(failure)["$ref"]}
    return {
        "oneOf": [_ref(success), _ref(failure)],
        "discriminator": {"propertyName": "status", "mapping": mapping},
    }
