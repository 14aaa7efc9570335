"""The OpenAPI document (SRV-55): every route, with every answer that it gives."""

from typing import get_args

from kedro_asgi import limits, pipeline_schemas, schemas
from kedro_asgi.events import RunEvent
from kedro_asgi.media_types import EVENT_STREAM, JSON, PROBLEM
from kedro_asgi.runs import SLICE_FILTERS, RunPage, RunRecord
from kedro_asgi.server.openapi_inference import inference_paths
from kedro_asgi.server.openapi_parts import (
    STREAMED,
    answer_in,
    busy,
    drawing,
    event_filter,
    hang_up,
    idempotency_key,
    in_json,
    invalid_query,
    no_project,
    no_run,
    no_store,
    operation,
    parameter,
    problem,
    resumption,
    run_filters,
    svg,
    timeout,
    wait,
)
from kedro_asgi.server.openapi_schemas import Json, components, schema, schema_of
from kedro_asgi.server.openapi_tables import with_table_answers, with_tables

_SCHEMA = "application/schema+json"
_OBJECT: Json = {"type": "object", "additionalProperties": True}
_NAMES: Json = {"type": "array", "items": {"type": "string"}}


def openapi(version: str, *, has_metrics: bool, has_inference: bool) -> Json:
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
        **(inference_paths() if has_inference else {}),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kedro Server", "version": version},
        "paths": {**paths, **_metrics_path()} if has_metrics else paths,
        "components": {"schemas": components()},
    }


def _kedro_paths() -> Json:
    params = parameter("query", "params", description="Runtime parameters to apply: key=value,nested.key=value")
    health = {"200": in_json("The event loop runs.", schemas.HealthResponse)}
    snapshot = {
        "200": in_json(
            "The pipelines, datasets and parameters of the project.", schemas.SnapshotSuccess, schemas.SnapshotFailure
        ),
        "304": {"description": "The client has this snapshot already."},
        "422": in_json("The query is malformed.", schemas.HTTPValidationError),
    }
    run = {
        "200": in_json("How the run ended; a failed run answers 200 too.", schemas.RunSuccess, schemas.RunFailure),
        "408": in_json("The body did not arrive in time.", schemas.HTTPError),
        "413": in_json("The body is too large.", schemas.HTTPError),
        "422": answer_in(
            "The body is not a run request, or its key is invalid or stands for another run.",
            {JSON: schema(schemas.HTTPValidationError), PROBLEM: schema(schemas.Problem)},
        ),
        **busy(),
        "500": answer_in(
            "The server failed; or the run failed, and the server has a status for that.",
            {JSON: {"anyOf": [schema(schemas.HTTPError), schema(schemas.RunFailure)]}},
        ),
    }
    limited = [idempotency_key(), timeout(), hang_up()]
    run_operation = operation("pipeline", "run_pipeline_run_post", run, parameters=limited, body=schemas.RunRequest)
    streamed = {**run_operation, "description": STREAMED}
    return {
        "/health": {"get": operation("health", "health_health_get", health)},
        "/snapshot": {
            "get": operation(
                "inspection",
                "get_snapshot_snapshot_get",
                snapshot,
                parameters=[params, parameter("header", "If-None-Match")],
            )
        },
        "/run": {"post": with_tables(streamed, answers=True, is_problem=False)},
    }


def _admin_paths() -> Json:
    ready = {
        "200": in_json("The project is open and all preloaded datasets are loaded.", schemas.ReadyResponse),
        "503": in_json("The server is not ready yet, or is shutting down.", schemas.ReadyResponse),
    }
    reload = {
        "200": in_json("Later runs use the new configuration and datasets.", schemas.ReloadResponse),
        "500": answer_in(
            "The reload failed, and nothing has changed; or the server failed.",
            {PROBLEM: schema(schemas.ReloadProblem), JSON: schema(schemas.HTTPError)},
        ),
    }
    return {
        "/ready": {"get": operation("health", "ready_ready_get", ready)},
        "/reload": {"post": operation("admin", "reload_reload_post", reload)},
    }


def _run_paths() -> Json:
    waits = [wait(), parameter("header", "Prefer")]
    submit = {
        "202": in_json("The run is stored and will be executed.", RunRecord),
        "408": problem("The body did not arrive in time."),
        "413": problem("The body is too large."),
        "422": problem("The body or a parameter is invalid, or the key stands for another run."),
        **busy(),
    }
    page = {"200": in_json("Runs, newest first.", RunPage), **invalid_query(), **no_store()}
    submission = operation(
        "runs", "submit_run", submit, parameters=[*waits, idempotency_key()], body=schemas.RunSubmission
    )
    return {
        "/runs": {
            "post": with_tables(submission, answers=False),
            "get": operation("runs", "list_runs", page, parameters=run_filters()),
        },
        **_one_run_paths(waits, submit),
    }


def _one_run_paths(waits: list[Json], submit: Json) -> Json:
    run_id = parameter("path", "run_id")
    read = {"200": in_json("The record of the run.", RunRecord), **no_run(), **invalid_query(), **no_store()}
    cancel = {
        "200": in_json("The record of the run, which has ended.", RunRecord),
        "202": in_json("The run is stopping.", RunRecord),
        **no_run(),
        **no_store(),
    }
    rerun = {
        **submit,
        **no_run(),
        "409": problem("The run has not ended, its order is not kept, or nothing of it can be used."),
    }
    output = {
        "200": in_json("The output."),
        **no_run(),
        "409": problem("The run has not ended."),
        **no_store(),
    }
    nodes = {"200": in_json("The nodes that the run has started.", schemas.RunNodes), **no_run(), **no_store()}
    unchanged: Json = {"304": {"description": "The client has this picture already."}}
    timeline = {"200": svg("The time line of the run."), **unchanged, **no_run(), **no_store()}
    name = parameter("path", "name")
    read_output = operation("runs", "read_output", output, parameters=[run_id, name])
    return {
        "/runs/{run_id}": {"get": operation("runs", "read_run", read, parameters=[run_id, *waits])},
        "/runs/{run_id}/cancel": {"post": operation("runs", "cancel_run", cancel, parameters=[run_id])},
        "/runs/{run_id}/rerun": {
            "post": {
                **operation("runs", "rerun_run", rerun, parameters=[run_id, *waits, idempotency_key()]),
                "requestBody": {"required": False, "content": {JSON: {"schema": schema(schemas.RerunRequest)}}},
            }
        },
        "/runs/{run_id}/nodes": {"get": operation("runs", "read_nodes", nodes, parameters=[run_id])},
        "/runs/{run_id}/timeline.svg": {"get": operation("runs", "draw_timeline", timeline, parameters=[run_id])},
        "/runs/{run_id}/outputs/{name}": {"get": with_table_answers(read_output)},
    }


def _schedule_paths() -> Json:
    name, missing = parameter("path", "name"), {"404": problem("The schedule does not exist."), **no_store()}
    listed = {"200": in_json("The schedules of the project.", schemas.ScheduleList), **no_project()}
    changed = {"200": in_json("The schedule as it is now.", schemas.ScheduleDescription), **missing}
    begun = {"202": in_json("The run is stored and will be executed.", RunRecord), **missing, **busy()}
    return {
        "/schedules": {"get": operation("schedules", "list_schedules", listed)},
        "/schedules/{name}/pause": {"post": operation("schedules", "pause_schedule", changed, parameters=[name])},
        "/schedules/{name}/resume": {"post": operation("schedules", "resume_schedule", changed, parameters=[name])},
        "/schedules/{name}/run": {"post": operation("schedules", "run_schedule", begun, parameters=[name])},
    }


def _event_paths() -> Json:
    run_id = parameter("path", "run_id")
    number: Json = {"type": "integer", "minimum": 0, "maximum": limits.MAX_EVENT_NUMBER}
    position: Json = {"type": "string", "pattern": schemas.POSITION_PATTERN}
    text = "Server-sent events, each described by the schema; its data is a RunEvent as JSON."
    stream = {"200": answer_in(text, {EVENT_STREAM: _frame()}), **invalid_query(), **no_store()}
    follow = {**stream, "204": {"description": "The run has ended, and no events are left."}, **no_run()}
    return {
        "/runs/{run_id}/events": {
            "get": operation("runs", "follow_run", follow, parameters=[run_id, *resumption(number)])
        },
        "/events": {
            "get": operation("runs", "follow_runs", stream, parameters=[*resumption(position), event_filter()])
        },
    }


def _metrics_path() -> Json:
    text: Json = {"type": "string"}
    found = answer_in("What all workers have counted.", {"text/plain": text, "application/openmetrics-text": text})
    failed = in_json("The workers cannot share what they count.", schemas.HTTPError)
    return {"/metrics": {"get": operation("runs", "metrics", {"200": found, "503": failed})}}


def _notification_paths() -> Json:
    listed = {
        "200": in_json("Notifications that are not delivered.", schemas.NotificationList),
        **invalid_query(),
        **no_store(),
    }
    sent = {
        "202": in_json("The notification is pending.", schemas.Notification),
        "404": problem("There is no such notification; it may have been delivered."),
        "409": problem("The server has no webhook of that name."),
        **no_store(),
    }
    filters = [
        parameter("query", "state", {"type": "string", "enum": ["pending", "failed"]}),
        parameter("query", "webhook"),
        parameter("query", "cursor", {"type": "string", "pattern": schemas.NOTIFICATION_CURSOR_PATTERN}),
        parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": limits.MAX_PAGE_RUNS}),
    ]
    name = parameter("path", "notification_id")
    return {
        "/notifications": {"get": operation("admin", "list_notifications", listed, parameters=filters)},
        "/notifications/{notification_id}/send": {
            "post": operation("admin", "send_notification", sent, parameters=[name])
        },
    }


def _pipeline_paths() -> Json:
    name, etag = parameter("path", "name"), parameter("header", "If-None-Match")
    unchanged: Json = {"304": {"description": "The client has this answer already."}}
    listed = {
        "200": in_json("The registered pipelines.", pipeline_schemas.PipelineList),
        **unchanged,
        **no_project(),
    }
    missing = {"404": problem("The pipeline or the run does not exist."), **unchanged, **invalid_query()}
    described = "The graph of the pipeline, and its layout."
    pipeline = {"200": in_json(described, pipeline_schemas.PipelineDescription), **missing, **no_project()}
    picture = {"200": svg("The graph as a picture."), **missing, **no_project()}
    drawn = [name, *drawing(), etag]
    run = parameter("query", "run", description="The id of a run, which colours the nodes.")
    schema_ = {
        "200": answer_in("The JSON Schema of the body that runs the pipeline, or a slice of it.", {_SCHEMA: _OBJECT}),
        "422": problem("The slice selects nothing, or a parameter is unknown."),
        **{status: found for status, found in missing.items() if status != "422"},
        **no_project(),
    }
    preview = {
        "200": in_json("The preview, in the form in which outputs are given."),
        "404": problem("The dataset has no preview, or its catalog entry asks for none."),
        "409": problem("The dataset cannot be loaded."),
        **no_project(),
    }
    slices = [parameter("query", found, _NAMES) for found in SLICE_FILTERS]
    return {
        "/pipelines": {"get": operation("pipelines", "list_pipelines", listed, parameters=[etag])},
        "/pipelines/{name}": {"get": operation("pipelines", "read_pipeline", pipeline, parameters=drawn)},
        "/pipelines/{name}/graph.svg": {
            "get": operation("pipelines", "draw_pipeline", picture, parameters=[*drawn, run])
        },
        "/datasets/{name}/preview": {"get": operation("pipelines", "preview_dataset", preview, parameters=[name])},
        "/pipelines/{name}/schema": {
            "get": operation("pipelines", "read_pipeline_schema", schema_, parameters=[name, etag, *slices])
        },
    }


def _batching_paths() -> Json:
    listed = {
        "200": in_json("The pipelines whose concurrent requests are joined, or were to be.", schemas.BatchingList)
    }
    return {"/batching": {"get": operation("pipelines", "list_batching", listed)}}


def _frame() -> Json:
    data: Json = {"type": "string", "contentMediaType": JSON, "contentSchema": schema_of("RunEvent")}
    names = [kind.__name__ for kind in get_args(RunEvent)]
    properties: Json = {"id": {"type": "string"}, "event": {"type": "string", "enum": names}, "data": data}
    return {"type": "object", "properties": properties, "required": ["event", "data"]}
