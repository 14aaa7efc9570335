"""Requests to an engine's HTTP server, in process."""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from both_engines.cases import Ask
from both_engines.hosts import Host

# What our answers tell of a failure besides type and message (SRV-29).
_OUR_FACTS = ("node", "file", "line", "frames", "causes", "resume_from")
_HEADERS = ("content-type", "allow", "location")


@contextmanager
def serving(host: Host, folder: Path) -> Iterator[Any]:
    """Serve the project at ``folder`` and yield a client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    app = host.server.create_http_server(str(folder))
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def ask(client: Any, call: Ask) -> dict[str, Any]:
    """Send a request and return status, the headers that the contract names, and body; the messages apart."""
    sent: dict[str, Any] = {"params": dict(call.query), "headers": dict(call.headers or {})}
    if call.json is not msgspec.UNSET:
        sent["json"] = call.json
    if call.raw is not None:
        sent["content"] = call.raw
        if call.headers is None:
            sent["headers"] = {"content-type": "application/json"}
    answer = client.request(call.method, call.path, **sent)
    headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
    body = _body(answer.text)
    failure = body.get("error", {}) if isinstance(body, dict) else {}
    for name in _OUR_FACTS:
        failure.pop(name, None)
    return {
        "value": {"status": answer.status_code, "headers": headers, "body": _shown(body)},
        "error": failure.get("type"),
        "message": _messages(body, failure),
    }


def _body(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _messages(body: Any, failure: dict[str, Any]) -> str | None:
    """Remove the messages from a body and return them."""
    if "message" in failure:
        return str(failure.pop("message"))
    detail = body.get("detail") if isinstance(body, dict) else None
    return "\n".join(item.pop("msg") for item in detail) if isinstance(detail, list) else None


def _shown(body: Any) -> Any:
    """Return the body and the order of its keys, without durations."""
    if not isinstance(body, dict):
        return body
    if "duration_ms" in body and re.fullmatch(r"\d+(\.\d{1,2})?", str(body["duration_ms"])):
        body["duration_ms"] = "<MS>"
    return {"keys": list(body), **body}
