"""The access of callers in the OpenAPI document: the scopes of operations, and the answers to refused requests."""

from typing import Any

from kedro_asgi.inference_schemas import InferenceFailure
from kedro_asgi.media_types import JSON, PROBLEM
from kedro_asgi.schemas import Problem
from kedro_asgi.server.access.configuration import AccessConfiguration
from kedro_asgi.server.access.route_scopes import RULES, UNKNOWN, Rule
from kedro_asgi.server.openapi_schemas import Json, schema

_SCHEME = "token"
_RULES = {(method, path.replace(":path}", "}")): rule for (method, path), rule in RULES.items()}
_METHODS = ("get", "post")
# Answers with runs that other callers, or the project, have ordered.
_OF_OTHERS = ("/runs/{run_id}/cancel", "/runs/{run_id}/rerun", "/schedules/{name}/run")
_STATE_ONLY = "Without the scope 'read', the record tells how far the run is, and nothing else of it."


def with_access(document: Json, access: AccessConfiguration) -> Json:
    """Return the document with what the settings of access add to it."""
    paths = {
        path: {method: _operation(found, method, path, access) for method, found in item.items()}
        for path, item in document["paths"].items()
    }
    if not access.is_on:
        return {**document, "paths": paths}
    scheme = {"type": "http", "scheme": "bearer", "description": "A token, and the scopes that its caller needs."}
    components = {**document["components"], "securitySchemes": {_SCHEME: scheme}}
    return {**document, "paths": paths, "components": components}


def _operation(operation: Json, method: str, path: str, access: AccessConfiguration) -> Json:
    if method not in _METHODS:
        return operation
    rule, added = _rule_of(method, path), {}
    if access.allowed_hosts:
        added["400"] = "The request names another host."
    if method == "post":
        added["403"] = "A page of another site sent the request."
    is_open = rule.scope is None or (access.open_metrics and path == "/metrics")
    if not access.is_on or is_open:
        return _with_answers(operation, path, added)
    added["401"] = "The request has no token, or one that is not valid."
    if rule.scope != "any":
        added["403"] = f"The caller does not have the scope '{rule.scope}', or may not use the pipeline."
    if access.oidc_issuer is not None:
        added["503"] = "The issuer's keys cannot be fetched."
    described = {"description": _STATE_ONLY} if path in _OF_OTHERS else {}
    return {
        **_with_answers(operation, path, added),
        **described,
        "security": [{_SCHEME: [] if rule.scope == "any" else [rule.scope]}],
    }


def _rule_of(method: str, path: str) -> Rule:
    if method == "post" and path.startswith("/pipelines/"):
        # The document has such a path for each pipeline.
        return _RULES["POST", "/pipelines/{name}/run"]
    return _RULES.get((method.upper(), path), UNKNOWN)


def _with_answers(operation: Json, path: str, added: dict[str, str]) -> Json:
    problem: dict[str, Any] = {PROBLEM: {"schema": schema(Problem)}}
    if path.startswith("/v2"):
        # The refusals of middleware are problems there too.
        problem[JSON] = {"schema": schema(InferenceFailure)}
    answers = {status: {"description": text, "content": problem} for status, text in added.items()}
    return {**operation, "responses": dict(sorted({**answers, **operation["responses"]}.items()))}
