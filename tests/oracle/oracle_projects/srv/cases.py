"""Helpers that write requests and answers."""

from collections.abc import Mapping
from typing import Any

import msgspec
from both_engines.cases import Ask, Case

_COMPARED = ("value", "error", "files")


def ask(rule: str, name: str, method: str, path: str, **facts: Any) -> Case:
    asked = {key: facts.pop(key) for key in ("json", "raw", "headers", "query") if key in facts}
    call = Ask(method=method, path=path, **asked)
    return Case(rule=rule, name=name, call=call, **{"compare": _COMPARED, **facts})


def post(rule: str, name: str, json: Any = msgspec.UNSET, **facts: Any) -> Case:
    return ask(rule, name, "POST", "/run", json=json, **facts)


def raw(rule: str, name: str, raw: str, headers: Mapping[str, str] | None = None, **facts: Any) -> Case:
    return ask(rule, name, "POST", "/run", raw=raw, headers=headers, **facts)


def answer(body: dict[str, Any], status: int = 200, error: str | None = None, message: str = "") -> dict[str, Any]:
    """Return our answer in the form of an outcome."""
    shown = {"keys": list(body), **body}
    headers = {"content-type": "application/json"}
    return {"value": {"status": status, "headers": headers, "body": shown}, "error": error, "message": message}


_RAN = {"run_id": "<RUN_ID>", "duration_ms": "<MS>"}


def failure(kind: str, message: str) -> dict[str, Any]:
    return answer({"status": "failure", **_RAN, "error": {"type": kind}}, error=kind, message=message)


def no_snapshot(kind: str, message: str) -> dict[str, Any]:
    return answer({"status": "failure", "error": {"type": kind}}, error=kind, message=message)


SUCCESS = answer({"status": "success", **_RAN})

NOT_FOUND = {**answer({"detail": "Not Found"}, 404), "error": None}
TO_DASHBOARD = {"value": {"status": 307, "headers": {"location": "dashboard/"}, "body": ""}, "error": None}

EMPTY = ("Pipeline contains no nodes after applying all provided filters",)

NO_IDENTIFIER = ("is not a valid Python dotted identifier.",)
