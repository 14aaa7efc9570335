"""The Open Inference Protocol in the OpenAPI document."""

from kedro_asgi import inference_schemas as bodies
from kedro_asgi.media_types import JSON
from kedro_asgi.server.openapi_parts import answer_in, idempotency_key, in_json, parameter
from kedro_asgi.server.openapi_schemas import Json, schema

_TAG = "inference"
_BYTES = "application/octet-stream"
_BINARY = "Bytes of tensors may follow the JSON, as the binary tensor data extension has it."


def inference_paths() -> Json:
    """Return the paths below ``/v2``."""
    return _server_paths() | _model_paths()


def _server_paths() -> Json:
    models: Json = {"type": "array", "items": schema(bodies.RepositoryModel)}
    query: Json = {"required": False, "content": {JSON: {"schema": schema(bodies.RepositoryQuery)}}}
    listed = {
        "200": answer_in("The pipelines, with their states.", {JSON: models}),
        "400": _failure("The body is not a query."),
        "408": _failure("The body did not arrive in time."),
        "413": _failure("The body is too large."),
        "503": _failure("The project cannot be read."),
    }
    ready = {
        "200": in_json("The server is ready.", bodies.ServerReady),
        "503": in_json("The server is not ready yet, or is shutting down.", bodies.ServerReady),
    }
    return {
        "/v2": {"get": _operation("server_metadata", {"200": in_json("The server.", bodies.ServerMetadata)})},
        "/v2/health/live": {"get": _operation("server_live", {"200": in_json("It lives.", bodies.ServerLive)})},
        "/v2/health/ready": {"get": _operation("server_ready", ready)},
        "/v2/models": {
            "get": _operation(
                "list_models",
                {
                    "200": in_json("The pipelines that can run.", bodies.ModelList),
                    "503": _failure("The project cannot be read."),
                },
            )
        },
        "/v2/repository/index": {"post": {**_operation("index_models", listed), "requestBody": query}},
    }


def _model_paths() -> Json:
    name, version = parameter("path", "name"), parameter("path", "version")
    missing = {
        "404": _failure("There is no such pipeline."),
        "422": _failure("The pipeline has no nodes."),
        "503": _failure("The project cannot be read."),
    }
    no_versions = {"404": _failure("A pipeline has no versions.")}
    described = {"200": in_json("The tensors that the pipeline takes and gives.", bodies.ModelMetadata), **missing}
    return {
        "/v2/models/{name}": {"get": _operation("model_metadata", described, name)},
        "/v2/models/{name}/ready": {
            "get": _operation(
                "model_ready", {"200": in_json("The pipeline can run.", bodies.ModelReady), **missing}, name
            )
        },
        "/v2/models/{name}/config": {
            "get": _operation(
                "model_configuration",
                {"200": in_json("The same, for load generators.", bodies.ModelConfiguration), **missing},
                name,
            )
        },
        "/v2/models/{name}/infer": {"post": _infer(name)},
        "/v2/models/{name}/versions/{version}": {
            "get": _operation("model_version", no_versions, name, version),
            "post": _operation("infer_version", no_versions, name, version),
        },
    }


def _infer(name: Json) -> Json:
    length = parameter(
        "header",
        "Inference-Header-Content-Length",
        {"type": "string", "pattern": "^[0-9]{1,19}$"},
        description="The length of the JSON, if bytes of tensors follow it.",
    )
    tensors: Json = {"type": "string", "format": "binary"}
    responses = {
        "200": answer_in("The outputs.", {JSON: schema(bodies.InferenceResponse), _BYTES: tensors}),
        "400": _failure("The request does not fit the protocol or the pipeline; or the run refused an input."),
        "404": _failure("There is no such pipeline."),
        "408": _failure("The body did not arrive in time."),
        "413": _failure("The body is too large."),
        "415": _failure("The body has another content type, or an encoding."),
        "422": _failure("A header is invalid, the key stands for another run, or the pipeline has no nodes."),
        "429": _failure("The running and queued runs have reached their limits."),
        "500": _failure("The run failed, or the server."),
        "503": _failure("The server is shutting down, or the run was cancelled."),
        "504": _failure("The run has exceeded its time limit."),
    }
    operation = _operation("infer", responses, name, length, idempotency_key())
    # Generators of clients and of tests cannot make a body that is JSON with bytes after it.
    return {
        **operation,
        "description": f"Runs a pipeline with tensors: a table is one for each column. {_BINARY}",
        "requestBody": {"required": True, "content": {JSON: {"schema": schema(bodies.InferenceRequest)}}},
    }


def _operation(operation_id: str, responses: Json, *parameters: Json) -> Json:
    answers = {"500": _failure("The server failed."), **responses}
    listed = {"parameters": list(parameters)} if parameters else {}
    return {"tags": [_TAG], "operationId": operation_id, "responses": dict(sorted(answers.items())), **listed}


def _failure(description: str) -> Json:
    return in_json(description, bodies.InferenceFailure)
