"""Helpers that write cases of sessions."""

from typing import Any

from both_engines.cases import Case, Script


def session(rule: str, name: str, body: str, **facts: Any) -> Case:
    facts = {"compare": ("value", "error", "files"), **facts}
    return Case(rule=rule, name=name, call=Script(body=body), **facts)
