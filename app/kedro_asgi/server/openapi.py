"""The OpenAPI document, made from the structs in `schemas` (SRV-55)."""

from typing import Any

import msgspec

from kedro_asgi.runs import RunPage, RunRecord
from kedro_asgi.schemas import (
    HealthResponse,
    HTTPError,
    HTTPValidationError,
    Problem,
    ReadyResponse,
    ReloadProblem,
    ReloadResponse,
    RunFailure,
    RunRequest,
    RunSubmission,
    RunSuccess,
    SnapshotFailure,
    SnapshotSuccess,
)

_REF = "#/components/schemas/{name}"
_STRUCTS = (
    HealthResponse,
    HTTPError,
    HTTPValidationError,
    Problem,
    ReadyResponse,
    ReloadProblem,
    ReloadResponse,
    RunFailure,
    RunPage,
    RunRecord,
    RunRequest,
    RunSubmission,
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
            **_run_paths(),
        },
        "components": {"schemas": schemas},
    }


def _health() -> dict[str, Any]:
    answers = {"200": _json("The event loop runs.", _ref(HealthResponse))}
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
        "200": _json(
            "The pipelines, datasets and parameters of the project.", _either(SnapshotSuccess, SnapshotFailure)
        ),
        "422": _json("The query is malformed.", _ref(HTTPValidationError)),
    }
    return {**_operation("inspection", "get_snapshot_snapshot_get", answers), "parameters": [parameter]}


def _run() -> dict[str, Any]:
    answers = {
        "200": _json("How the run ended; a failed run answers 200 too.", _either(RunSuccess, RunFailure)),
        "413": _json("The body is too large.", _ref(HTTPError)),
        "422": _json("The body is not a run request.", _ref(HTTPValidationError)),
        "429": _problem("The running and queued runs have reached their limits."),
        "503": _problem("The server is shutting down."),
    }
    body = {"required": True, "content": _content(_ref(RunRequest))}
    return {**_operation("pipeline", "run_pipeline_run_post", answers), "requestBody": body}


def _ready() -> dict[str, Any]:
    answers = {
        "200": _json("The project is open and all preloaded datasets are loaded.", _ref(ReadyResponse)),
        "503": _json("The server is not ready yet, or is shutting down.", _ref(ReadyResponse)),
    }
    return _operation("health", "ready_ready_get", answers)


def _reload() -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref(ReloadProblem)}}
    answers = {
        "200": _json("Later runs use the new configuration and datasets.", _ref(ReloadResponse)),
        "500": {"description": "The reload failed; nothing has changed.", "content": problem},
    }
    return _operation("admin", "reload_reload_post", answers)


def _run_paths() -> dict[str, Any]:
    run_id = [_parameter("path", "run_id", "string")]
    wait = [_parameter("query", "wait", "number")]
    after = [_parameter("header", "Last-Event-ID", "string")]
    record = _json("The record of the run.", _ref(RunRecord))
    missing = {"404": _problem("The run does not exist.")}
    stream = {"200": {"description": "Server-sent events.", "content": {"text/event-stream": {}}}}
    filters = [_parameter("query", name, "string") for name in ("status", "pipeline", "label", "since", "cursor")]
    return {
        "/runs": {
            "post": _submit([*wait, _parameter("header", "Idempotency-Key", "string")]),
            "get": _run_operation([*filters, _parameter("query", "limit", "integer")], "list_runs", _page()),
        },
        "/runs/{run_id}": {"get": _run_operation([*run_id, *wait], "read_run", {"200": record, **missing})},
        "/runs/{run_id}/cancel": {
            "post": _run_operation(
                run_id, "cancel_run", {"200": record, "202": _json("The run is stopping.", _ref(RunRecord)), **missing}
            )
        },
        "/runs/{run_id}/outputs/{name}": {
            "get": _run_operation(
                [*run_id, _parameter("path", "name", "string")],
                "read_output",
                {"200": _json("The output.", {}), **missing, "409": _problem("The run has not ended.")},
            )
        },
        "/runs/{run_id}/events": {"get": _run_operation([*run_id, *after], "follow_run", {**stream, **missing})},
        "/events": {"get": _run_operation(after, "follow_runs", stream)},
        "/metrics": {
            "get": _run_operation(
                [], "metrics", {"200": {"description": "Counters and gauges.", "content": {"text/plain": {}}}}
            )
        },
    }


def _submit(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    answers = {
        "202": _json("The run is stored and will be executed.", _ref(RunRecord)),
        "422": _problem("The body is not a run submission, or its key stands for another run."),
        "429": _problem("The running and queued runs have reached their limits."),
        "503": _problem("The server is shutting down, or its store is not available."),
    }
    body = {"required": True, "content": _content(_ref(RunSubmission))}
    return {**_run_operation(parameters, "submit_run", answers), "requestBody": body}


def _page() -> dict[str, Any]:
    return {"200": _json("Runs, newest first.", _ref(RunPage)), "422": _problem("A query parameter is invalid.")}


def _run_operation(parameters: list[dict[str, Any]], operation_id: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {**_operation("runs", operation_id, answers), "parameters": parameters}


def _parameter(where: str, name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": kind}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


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
