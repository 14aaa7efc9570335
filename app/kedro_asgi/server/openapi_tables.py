"""The media types of tables in the OpenAPI document."""

from kedro_asgi.schemas import HTTPError
from kedro_asgi.server.media_types import ARROW, BODIES, CSV, FORM, MULTIPART, PARQUET
from kedro_asgi.server.openapi_parts import in_json, parameter, problem
from kedro_asgi.server.openapi_schemas import Json

_BYTES: Json = {"type": "string", "format": "binary"}
_PARTS: Json = {"type": "object", "additionalProperties": _BYTES}
_ANSWERS = (
    f"`Accept` may ask for tables instead: one as `{ARROW}`, `{PARQUET}` or `{CSV}`, all beside JSON as `{MULTIPART}`."
)
_INPUT = "The dataset in whose place the table comes that is the body; the other fields are parameters, too."


def with_tables(operation: Json, *, answers: bool, is_problem: bool = True) -> Json:
    """Return an operation that runs pipelines, whose body may be tables, and whose answer too with ``answers``.

    Its errors are problems (RFC 9457) or have Kedro's form. Generators of clients join the types of all answers, so
    JSON would lose its own beside tables: the types of these are told in words.
    """
    body = operation["requestBody"]
    content = {**body["content"], **{kind: {"schema": _PARTS if kind == FORM else _BYTES} for kind in BODIES}}
    refused = {"415": "The body is of a type that the server does not read, or its library is not installed."}
    if answers:
        refused["406"] = "The run has not one output for an answer of that type, or its output is no table."
    responses = operation["responses"]
    added = {status: problem(text) if is_problem else in_json(text, HTTPError) for status, text in refused.items()}
    told = f"{responses['200']['description']} {_ANSWERS}" if answers else ""
    succeeded = {"200": {**responses["200"], "description": told}} if answers else {}
    return {
        **operation,
        "parameters": [*operation.get("parameters", ()), parameter("query", "input", description=_INPUT)],
        "requestBody": {**body, "content": content},
        "responses": dict(sorted({**responses, **added, **succeeded}.items())),
    }


def with_table_answers(operation: Json) -> Json:
    """Return an operation that reads a value, which a table can be given as."""
    responses = operation["responses"]
    content = {**responses["200"]["content"], **{kind: {"schema": _BYTES} for kind in (ARROW, PARQUET, CSV)}}
    added = {"200": {**responses["200"], "content": content}, "406": problem("The output has no such form.")}
    return {**operation, "responses": dict(sorted({**responses, **added}.items()))}
