"""The bodies of requests that start runs."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.encoding import encode_exactly, encode_json
from kedro_asgi.errors import UnencodableRequestError
from kedro_asgi.media_types import JSON
from kedro_asgi.retries import Retries
from kedro_asgi.run_arguments import names_of, pop_params
from kedro_asgi.runs import checked_retries
from kedro_asgi.schemas import RunRequest


def body_of(request: RunRequest, key: str | None) -> dict[str, Any]:
    """Return the arguments of an HTTP request for ``request``; raises `UnencodableRequestError`."""
    try:
        encode_exactly((request.inputs, request.params))
        content = encode_json(request)
    except Exception as error:  # a lazy frame is computed now, which may fail in any way
        raise UnencodableRequestError(str(error)) from error
    return json_body(content, key)


def json_body(content: bytes, key: str | None) -> dict[str, Any]:
    """Return the arguments of an HTTP request with a JSON body; ``key`` is its idempotency key."""
    headers = {} if key is None else {"idempotency-key": key}
    return {"content": content, "headers": {"content-type": JSON, **headers}}


def json_fields(**arguments: Any) -> dict[str, Any]:
    """Return arguments as fields of a request: mappings become dicts, and names become lists."""
    arguments["params"] = pop_params(arguments)
    if arguments.get("retries") is not None:
        arguments["retries"] = checked_retries(arguments["retries"])
    return {name: _json_field(value) for name, value in arguments.items()}


def _json_field(value: Any) -> Any:
    match value:
        case None | bool() | Retries():
            return value
        case Mapping():
            return dict(value)
    return list(names_of(value))
