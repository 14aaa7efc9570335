"""The OpenAPI document, made from the structs in `schemas` (SRV-55)."""

from collections.abc import Sequence
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
_STRUCTS: tuple[type[msgspec.Struct], ...] = (
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

Json = dict[str, Any]


def openapi(version: str) -> Json:
    """Return the OpenAPI 3.1 document; ``version`` is the Kedro version whose contract is served."""
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kedro Server", "version": version},
        "paths": {**_kedro_paths(), **_admin_paths(), **_run_paths(), **_event_paths()},
        "components": {"schemas": schemas},
    }


def _kedro_paths() -> Json:
    params = {**_parameter("query", "params"), "description": "Runtime parameters to apply: key=value,nested.key=value"}
    health = {"200": _json("The event loop runs.", HealthResponse)}
    snapshot = {
        "200": _json("The pipelines, datasets and parameters of the project.", SnapshotSuccess, SnapshotFailure),
        "422": _json("The query is malformed.", HTTPValidationError),
    }
    run = {
        "200": _json("How the run ended; a failed run answers 200 too.", RunSuccess, RunFailure),
        "413": _json("The body is too large.", HTTPError),
        "422": _json("The body is not a run request.", HTTPValidationError),
        "429": _problem("The running and queued runs have reached their limits."),
        "503": _problem("The server is shutting down."),
    }
    return {
        "/health": {"get": _operation("health", "health_health_get", health)},
        "/snapshot": {"get": _operation("inspection", "get_snapshot_snapshot_get", snapshot, parameters=[params])},
        "/run": {"post": _operation("pipeline", "run_pipeline_run_post", run, body=RunRequest)},
    }


def _admin_paths() -> Json:
    ready = {
        "200": _json("The project is open and all preloaded datasets are loaded.", ReadyResponse),
        "503": _json("The server is not ready yet, or is shutting down.", ReadyResponse),
    }
    reload = {
        "200": _json("Later runs use the new configuration and datasets.", ReloadResponse),
        "500": _problem("The reload failed; nothing has changed.", ReloadProblem),
    }
    return {
        "/ready": {"get": _operation("health", "ready_ready_get", ready)},
        "/reload": {"post": _operation("admin", "reload_reload_post", reload)},
    }


def _run_paths() -> Json:
    run_id, wait = _parameter("path", "run_id"), _parameter("query", "wait", "number")
    key = _parameter("header", "Idempotency-Key")
    filters = [_parameter("query", name) for name in ("status", "pipeline", "label", "since", "cursor")]
    filters.append(_parameter("query", "limit", "integer"))
    submit = {
        "202": _json("The run is stored and will be executed.", RunRecord),
        "422": _problem("The body is not a run submission, or its key stands for another run."),
        "429": _problem("The running and queued runs have reached their limits."),
        "503": _problem("The server is shutting down, or its store is not available."),
    }
    page = {"200": _json("Runs, newest first.", RunPage), "422": _problem("A query parameter is invalid.")}
    read = {"200": _json("The record of the run.", RunRecord), **_not_found()}
    cancel = {"200": read["200"], "202": _json("The run is stopping.", RunRecord), **_not_found()}
    output = {"200": _json("The output."), **_not_found(), "409": _problem("The run has not ended.")}
    return {
        "/runs": {
            "post": _operation("runs", "submit_run", submit, parameters=[wait, key], body=RunSubmission),
            "get": _operation("runs", "list_runs", page, parameters=filters),
        },
        "/runs/{run_id}": {"get": _operation("runs", "read_run", read, parameters=[run_id, wait])},
        "/runs/{run_id}/cancel": {"post": _operation("runs", "cancel_run", cancel, parameters=[run_id])},
        "/runs/{run_id}/outputs/{name}": {
            "get": _operation("runs", "read_output", output, parameters=[run_id, _parameter("path", "name")])
        },
    }


def _event_paths() -> Json:
    run_id, after = _parameter("path", "run_id"), _parameter("header", "Last-Event-ID")
    stream = {"200": {"description": "Server-sent events.", "content": {"text/event-stream": {}}}}
    metrics = {"200": {"description": "Counters and gauges.", "content": {"text/plain": {}}}}
    follow = {**stream, **_not_found()}
    return {
        "/runs/{run_id}/events": {"get": _operation("runs", "follow_run", follow, parameters=[run_id, after])},
        "/events": {"get": _operation("runs", "follow_runs", stream, parameters=[after])},
        "/metrics": {"get": _operation("runs", "metrics", metrics, parameters=[])},
    }


def _operation(
    tag: str,
    operation_id: str,
    responses: Json,
    *,
    parameters: Sequence[Json] | None = None,
    body: type[msgspec.Struct] | None = None,
) -> Json:
    operation: Json = {"tags": [tag], "operationId": operation_id, "responses": responses}
    if parameters is not None:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(body)}}}
    return operation


def _parameter(where: str, name: str, kind: str = "string") -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": kind}}


def _json(description: str, *structs: type[msgspec.Struct]) -> Json:
    return {"description": description, "content": {"application/json": {"schema": _schema(*structs)}}}


def _problem(description: str, struct: type[msgspec.Struct] = Problem) -> Json:
    return {"description": description, "content": {"application/problem+json": {"schema": _schema(struct)}}}


def _not_found() -> Json:
    return {"404": _problem("The run does not exist.")}


def _schema(*structs: type[msgspec.Struct]) -> Json:
    """Return the schema of any value, of one struct, or of two that their ``status`` tells apart."""
    refs = [{"$ref": _REF.format(name=struct.__name__)} for struct in structs]
    if len(refs) < 2:
        return refs[0] if refs else {}
    mapping = dict(zip(("success", "failure"), (ref["$ref"] for ref in refs), strict=True))
    return {"oneOf": refs, "discriminator": {"propertyName": "status", "mapping": mapping}}
