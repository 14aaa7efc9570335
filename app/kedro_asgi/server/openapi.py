"""The OpenAPI document (SRV-55): every route, with every answer that it gives."""

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from kedro_asgi import limits, pipeline_schemas, schemas
from kedro_asgi.events import RunEvent
from kedro_asgi.runs import RunPage, RunRecord, RunStatus, Slice
from kedro_asgi.server.openapi_schemas import Json, components, schema, schema_of
from kedro_asgi.server.queries import EVENT_NAMES

_JSON, _PROBLEM, _SCHEMA = "application/json", "application/problem+json", "application/schema+json"
_OBJECT: Json = {"type": "object", "additionalProperties": True}
_NAMES: Json = {"type": "array", "items": {"type": "string"}}


def openapi(version: str, *, has_metrics: bool) -> Json:
    """Return the OpenAPI 3.1 document; ``version`` is the Kedro version whose contract is served."""
    paths = {
        **_kedro_paths(),
        **_admin_paths(),
        **_run_paths(),
        **_event_paths(),
        **_schedule_paths(),
        **_notification_paths(),
        **_pipeline_paths(),
        **_batching_paths(),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kedro Server", "version": version},
        "paths": {**paths, **_metrics_path()} if has_metrics else paths,
        "components": {"schemas": components()},
    }


def _kedro_paths() -> Json:
    params = _parameter("query", "params", description="Runtime parameters to apply: key=value,nested.key=value")
    health = {"200": _json("The event loop runs.", schemas.HealthResponse)}
    snapshot = {
        "200": _json(
            "The pipelines, datasets and parameters of the project.", schemas.SnapshotSuccess, schemas.SnapshotFailure
        ),
        "304": {"description": "The client has this snapshot already."},
        "422": _json("The query is malformed.", schemas.HTTPValidationError),
    }
    run = {
        "200": _json("How the run ended; a failed run answers 200 too.", schemas.RunSuccess, schemas.RunFailure),
        "408": _json("The body did not arrive in time.", schemas.HTTPError),
        "413": _json("The body is too large.", schemas.HTTPError),
        "422": _answers(
            "The body is not a run request, or its key is invalid or stands for another run.",
            {_JSON: schema(schemas.HTTPValidationError), _PROBLEM: schema(schemas.Problem)},
        ),
        **_busy(),
        "500": _answers(
            "The server failed; or the run failed, and the server has a status for that.",
            {_JSON: {"anyOf": [schema(schemas.HTTPError), schema(schemas.RunFailure)]}},
        ),
    }
    limited = [_key(), _timeout()]
    return {
        "/health": {"get": _operation("health", "health_health_get", health)},
        "/snapshot": {
            "get": _operation(
                "inspection",
                "get_snapshot_snapshot_get",
                snapshot,
                parameters=[params, _parameter("header", "If-None-Match")],
            )
        },
        "/run": {
            "post": _operation("pipeline", "run_pipeline_run_post", run, parameters=limited, body=schemas.RunRequest)
        },
    }


def _admin_paths() -> Json:
    ready = {
        "200": _json("The project is open and all preloaded datasets are loaded.", schemas.ReadyResponse),
        "503": _json("The server is not ready yet, or is shutting down.", schemas.ReadyResponse),
    }
    reload = {
        "200": _json("Later runs use the new configuration and datasets.", schemas.ReloadResponse),
        "500": _answers(
            "The reload failed, and nothing has changed; or the server failed.",
            {_PROBLEM: schema(schemas.ReloadProblem), _JSON: schema(schemas.HTTPError)},
        ),
    }
    return {
        "/ready": {"get": _operation("health", "ready_ready_get", ready)},
        "/reload": {"post": _operation("admin", "reload_reload_post", reload)},
    }


def _run_paths() -> Json:
    run_id, waits = _parameter("path", "run_id"), [_wait(), _parameter("header", "Prefer")]
    submit = {
        "202": _json("The run is stored and will be executed.", RunRecord),
        "408": _problem("The body did not arrive in time."),
        "413": _problem("The body is too large."),
        "422": _problem("The body or a parameter is invalid, or the key stands for another run."),
        **_busy(),
    }
    page = {"200": _json("Runs, newest first.", RunPage), **_invalid_query(), **_no_store()}
    read = {"200": _json("The record of the run.", RunRecord), **_not_found(), **_invalid_query(), **_no_store()}
    cancel = {
        "200": _json("The record of the run, which has ended.", RunRecord),
        "202": _json("The run is stopping.", RunRecord),
        **_not_found(),
        **_no_store(),
    }
    rerun = {
        **submit,
        **_not_found(),
        "409": _problem("The run has not ended, its order is not kept, or nothing of it can be used."),
    }
    output = {"200": _json("The output."), **_not_found(), "409": _problem("The run has not ended."), **_no_store()}
    nodes = {"200": _json("The nodes that the run has started.", schemas.RunNodes), **_not_found(), **_no_store()}
    unchanged: Json = {"304": {"description": "The client has this picture already."}}
    timeline = {"200": _svg("The time line of the run."), **unchanged, **_not_found(), **_no_store()}
    name = _parameter("path", "name")
    return {
        "/runs": {
            "post": _operation("runs", "submit_run", submit, parameters=[*waits, _key()], body=schemas.RunSubmission),
            "get": _operation("runs", "list_runs", page, parameters=_filters()),
        },
        "/runs/{run_id}": {"get": _operation("runs", "read_run", read, parameters=[run_id, *waits])},
        "/runs/{run_id}/cancel": {"post": _operation("runs", "cancel_run", cancel, parameters=[run_id])},
        "/runs/{run_id}/rerun": {
            "post": {
                **_operation("runs", "rerun_run", rerun, parameters=[run_id, *waits, _key()]),
                "requestBody": {"required": False, "content": {_JSON: {"schema": schema(schemas.RerunRequest)}}},
            }
        },
        "/runs/{run_id}/nodes": {"get": _operation("runs", "read_nodes", nodes, parameters=[run_id])},
        "/runs/{run_id}/timeline.svg": {"get": _operation("runs", "draw_timeline", timeline, parameters=[run_id])},
        "/runs/{run_id}/outputs/{name}": {"get": _operation("runs", "read_output", output, parameters=[run_id, name])},
    }


def _schedule_paths() -> Json:
    name, missing = _parameter("path", "name"), {"404": _problem("The schedule does not exist."), **_no_store()}
    listed = {"200": _json("The schedules of the project.", schemas.ScheduleList), **_no_project()}
    changed = {"200": _json("The schedule as it is now.", schemas.ScheduleDescription), **missing}
    begun = {"202": _json("The run is stored and will be executed.", RunRecord), **missing, **_busy()}
    return {
        "/schedules": {"get": _operation("schedules", "list_schedules", listed)},
        "/schedules/{name}/pause": {"post": _operation("schedules", "pause_schedule", changed, parameters=[name])},
        "/schedules/{name}/resume": {"post": _operation("schedules", "resume_schedule", changed, parameters=[name])},
        "/schedules/{name}/run": {"post": _operation("schedules", "run_schedule", begun, parameters=[name])},
    }


def _event_paths() -> Json:
    run_id = _parameter("path", "run_id")
    number: Json = {"type": "integer", "minimum": 0, "maximum": limits.MAX_EVENT_NUMBER}
    position: Json = {"type": "string", "pattern": schemas.POSITION_PATTERN}
    text = "Server-sent events, each described by the schema; its data is a RunEvent as JSON."
    stream = {"200": _answers(text, {"text/event-stream": _frame()}), **_invalid_query(), **_no_store()}
    follow = {**stream, "204": {"description": "The run has ended, and no events are left."}, **_not_found()}
    return {
        "/runs/{run_id}/events": {
            "get": _operation("runs", "follow_run", follow, parameters=[run_id, *_resumption(number)])
        },
        "/events": {
            "get": _operation("runs", "follow_runs", stream, parameters=[*_resumption(position), _event_filter()])
        },
    }


def _metrics_path() -> Json:
    text: Json = {"type": "string"}
    found = _answers("What all workers have counted.", {"text/plain": text, "application/openmetrics-text": text})
    failed = _json("The workers cannot share what they count.", schemas.HTTPError)
    return {"/metrics": {"get": _operation("runs", "metrics", {"200": found, "503": failed})}}


def _notification_paths() -> Json:
    listed = {
        "200": _json("Notifications that are not delivered.", schemas.NotificationList),
        **_invalid_query(),
        **_no_store(),
    }
    sent = {
        "202": _json("The notification is pending.", schemas.Notification),
        "404": _problem("There is no such notification; it may have been delivered."),
        "409": _problem("The server has no webhook of that name."),
        **_no_store(),
    }
    filters = [
        _parameter("query", "state", {"type": "string", "enum": ["pending", "failed"]}),
        _parameter("query", "webhook"),
        _parameter("query", "cursor", {"type": "string", "pattern": schemas.NOTIFICATION_CURSOR_PATTERN}),
        _parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": limits.MAX_PAGE_RUNS}),
    ]
    name = _parameter("path", "notification_id")
    return {
        "/notifications": {"get": _operation("admin", "list_notifications", listed, parameters=filters)},
        "/notifications/{notification_id}/send": {
            "post": _operation("admin", "send_notification", sent, parameters=[name])
        },
    }


def _pipeline_paths() -> Json:
    name, etag = _parameter("path", "name"), _parameter("header", "If-None-Match")
    unchanged: Json = {"304": {"description": "The client has this answer already."}}
    listed = {"200": _json("The registered pipelines.", pipeline_schemas.PipelineList), **unchanged, **_no_project()}
    missing = {"404": _problem("The pipeline or the run does not exist."), **unchanged, **_invalid_query()}
    described = "The graph of the pipeline, and its layout."
    pipeline = {"200": _json(described, pipeline_schemas.PipelineDescription), **missing, **_no_project()}
    picture = {"200": _svg("The graph as a picture."), **missing, **_no_project()}
    drawn = [name, *_drawing(), etag]
    run = _parameter("query", "run", description="The id of a run, which colours the nodes.")
    schema_ = {
        "200": _answers("The JSON Schema of the body that runs the pipeline, or a slice of it.", {_SCHEMA: _OBJECT}),
        "422": _problem("The slice selects nothing, or a parameter is unknown."),
        **{status: found for status, found in missing.items() if status != "422"},
        **_no_project(),
    }
    preview = {
        "200": _json("The preview, in the form in which outputs are given."),
        "404": _problem("The dataset has no preview, or its catalog entry asks for none."),
        "409": _problem("The dataset cannot be loaded."),
        **_no_project(),
    }
    slices = [_parameter("query", found, _NAMES) for found in Slice.__struct_fields__ if found != "pipeline_names"]
    return {
        "/pipelines": {"get": _operation("pipelines", "list_pipelines", listed, parameters=[etag])},
        "/pipelines/{name}": {"get": _operation("pipelines", "read_pipeline", pipeline, parameters=drawn)},
        "/pipelines/{name}/graph.svg": {
            "get": _operation("pipelines", "draw_pipeline", picture, parameters=[*drawn, run])
        },
        "/datasets/{name}/preview": {"get": _operation("pipelines", "preview_dataset", preview, parameters=[name])},
        "/pipelines/{name}/schema": {
            "get": _operation("pipelines", "read_pipeline_schema", schema_, parameters=[name, etag, *slices])
        },
    }


def _batching_paths() -> Json:
    listed = {"200": _json("The pipelines whose concurrent requests are joined, or were to be.", schemas.BatchingList)}
    return {"/batching": {"get": _operation("pipelines", "list_batching", listed)}}


def run_operation(operation_id: str, name: str, body: Json, answer: Json, *, is_body_required: bool) -> Json:
    """Return the operation that runs the pipeline ``name``; ``body`` and ``answer`` are schemas of its own."""
    responses = {
        "200": _answers("How the run ended; a failed run answers 200 too.", {_JSON: answer}),
        "404": _problem("There is no such pipeline any more."),
        "408": _problem("The body did not arrive in time."),
        "413": _problem("The body is too large."),
        "422": _problem("The body does not fit the pipeline, and nothing was run; each error names its place."),
        **_busy(),
        "500": _answers(
            "The server failed; or the run failed, and the server has a status for that.",
            {_JSON: {"anyOf": [schema(schemas.HTTPError), schema(schemas.RunFailure)]}},
        ),
    }
    operation = _operation("pipelines", operation_id, responses, parameters=[_key()])
    content = {_JSON: {"schema": body}}
    # Generators join the types of all answers, so the other one has no type here.
    description = "With `Prefer: respond-async`, the run is stored, and the answer is that of `POST /runs`."
    return {
        **operation,
        "summary": f"Run pipeline {name}",
        "description": description,
        "requestBody": {"required": is_body_required, "content": content},
    }


def _drawing() -> list[Json]:
    namespaces: Json = {"type": "array", "items": {"type": "string"}}
    flag: Json = {"type": "string", "enum": ["true", "false"]}
    return [
        _parameter("query", "collapse", namespaces, description="Namespaces that are drawn as one box each."),
        _parameter("query", "parameters", flag, description="Whether parameters are drawn."),
    ]


def _frame() -> Json:
    data: Json = {"type": "string", "contentMediaType": _JSON, "contentSchema": schema_of("RunEvent")}
    names = [kind.__name__ for kind in get_args(RunEvent)]
    properties: Json = {"id": {"type": "string"}, "event": {"type": "string", "enum": names}, "data": data}
    return {"type": "object", "properties": properties, "required": ["event", "data"]}


def _operation(
    tag: str,
    operation_id: str,
    responses: Json,
    *,
    parameters: Sequence[Json] | None = None,
    body: type[msgspec.Struct] | None = None,
) -> Json:
    answers = {"500": _json("The server failed.", schemas.HTTPError), **responses}
    operation: Json = {"tags": [tag], "operationId": operation_id, "responses": dict(sorted(answers.items()))}
    if parameters is not None:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema(body)}}}
    return operation


# --- parameters ---


def _parameter(where: str, name: str, schema: Json | None = None, **more: Any) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": schema or {"type": "string"}, **more}


def _wait() -> Json:
    return _parameter("query", "wait", {"type": "number", "minimum": 0, "maximum": limits.MAX_WAIT_SECONDS})


def _timeout() -> Json:
    seconds: Json = {"type": "number", "exclusiveMinimum": 0, "maximum": limits.MAX_TIMEOUT_SECONDS}
    return _parameter("query", "timeout_seconds", seconds, description="The run is stopped after this time.")


def _key() -> Json:
    text: Json = {"type": "string", "minLength": 1, "maxLength": limits.MAX_KEY_LENGTH, "pattern": schemas.KEY_PATTERN}
    return _parameter("header", "Idempotency-Key", text)


def _filters() -> list[Json]:
    status: Json = {"type": "array", "items": {"type": "string", "enum": list(get_args(RunStatus))}}
    label: Json = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}, "maxItems": limits.MAX_LABELS}
    return [
        _parameter("query", "status", status, description="Runs with any of these statuses."),
        _parameter("query", "pipeline"),
        _parameter("query", "label", label, description="Runs with all of these labels: name=value"),
        _parameter("query", "since", {"type": "string", "format": "date-time"}),
        _parameter("query", "cursor", {"type": "string", "pattern": schemas.RUN_ID_PATTERN}),
        _parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": limits.MAX_PAGE_RUNS}),
    ]


def _event_filter() -> Json:
    names: Json = {"type": "array", "items": {"type": "string", "enum": sorted(EVENT_NAMES)}}
    return _parameter("query", "event", names, description="Only events with these names.")


def _resumption(schema: Json) -> list[Json]:
    return [_parameter("header", "Last-Event-ID", schema), _parameter("query", "after", schema)]


# --- answers ---


def _answers(description: str, schemas: Json) -> Json:
    return {"description": description, "content": {kind: {"schema": found} for kind, found in schemas.items()}}


def _json(description: str, *structs: type[msgspec.Struct]) -> Json:
    return _answers(description, {_JSON: schema(*structs)})


def _svg(description: str) -> Json:
    return _answers(description, {"image/svg+xml": {"type": "string"}})


def _problem(description: str) -> Json:
    return _answers(description, {_PROBLEM: schema(schemas.Problem)})


def _busy() -> Json:
    return {
        "429": _problem("The running and queued runs have reached their limits."),
        "503": _problem("The server is shutting down, or its store is not available."),
    }


def _not_found() -> Json:
    return {"404": _problem("The run does not exist.")}


def _invalid_query() -> Json:
    return {"422": _problem("A parameter is invalid.")}


def _no_project() -> Json:
    return {"503": _problem("The project cannot be read, or the store of runs is not available.")}


def _no_store() -> Json:
    return {"503": _problem("The store of runs is not available.")}
