"""The endpoint of agents in the OpenAPI document."""

from kedro_asgi.media_types import EVENT_STREAM, JSON
from kedro_asgi.server.openapi_parts import answer_in, operation, problem
from kedro_asgi.server.openapi_schemas import Json

_OBJECT: Json = {"type": "object", "additionalProperties": True}
_STREAM: Json = {EVENT_STREAM: {"type": "string"}}


def with_agents(document: Json) -> Json:
    """Return the document with the operation that takes messages of the Model Context Protocol."""
    message: Json = {"description": "A message of the Model Context Protocol.", "content": {JSON: {"schema": _OBJECT}}}
    not_one: Json = {"description": "The message is not one of the protocol.", "content": {JSON: {"schema": _OBJECT}}}
    answers = {
        "200": answer_in("The result, or a stream with the progress before it.", {JSON: _OBJECT, **_STREAM}),
        "202": {"description": "The notification is taken."},
        **dict.fromkeys(("400", "404", "406"), not_one),
        "408": {**not_one, "description": "The body did not arrive in time."},
        "413": {**not_one, "description": "The body is too large."},
        "503": problem("The server is shutting down."),
    }
    described = {**operation("agents", "send_message", answers), "requestBody": {"required": True, **message}}
    return {**document, "paths": {**document["paths"], "/mcp": {"post": described}}}
