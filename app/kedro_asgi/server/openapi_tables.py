"""The media types of tables in the OpenAPI document.

Generators of clients drop an operation whose body may be of a type that they do not know, and join the types of all
answers, so that JSON would lose its own. So the types of tables are told in words and in an extension.
"""

from kedro_asgi.media_types import ARROW, CSV, MULTIPART, PARQUET
from kedro_asgi.schemas import HTTPError
from kedro_asgi.server.content_negotiation import BODIES
from kedro_asgi.server.openapi_parts import in_json, problem
from kedro_asgi.server.openapi_schemas import Json

EXTENSION = "x-table-media-types"
"""The types of tables in an operation: those of its body, and those of its answer."""

_BYTES: Json = {"type": "string", "format": "binary"}
_ANSWERS = (ARROW, PARQUET, CSV, MULTIPART)


def with_tables(operation: Json, *, answers: bool, is_problem: bool = True) -> Json:
    """Return an operation that runs pipelines, whose body may be tables, and whose answer too with ``answers``.

    Its errors are problems (RFC 9457) or have Kedro's form.
    """
    refused = {"415": "The body is of a type that the server does not read, or its library is not installed."}
    told = f"The body may also be a table or several: {_listed(BODIES)}; `?input=` names the dataset of one."
    if answers:
        refused["406"] = "The run has not one output for an answer of that type, or its output is no table."
        told += f" `Accept` may ask for tables in the answer: {_listed(_ANSWERS)}."
    added = {status: problem(text) if is_problem else in_json(text, HTTPError) for status, text in refused.items()}
    return {
        **operation,
        "description": " ".join(filter(None, (operation.get("description"), told))),
        "responses": dict(sorted({**operation["responses"], **added}.items())),
        EXTENSION: {"body": list(BODIES), "answer": list(_ANSWERS) if answers else []},
    }


def with_table_answers(operation: Json) -> Json:
    """Return an operation that reads a value, which a table can be given as."""
    responses = operation["responses"]
    content = {**responses["200"]["content"], **{kind: {"schema": _BYTES} for kind in (ARROW, PARQUET, CSV)}}
    added = {"200": {**responses["200"], "content": content}, "406": problem("The output has no such form.")}
    return {**operation, "responses": dict(sorted({**responses, **added}.items()))}


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)
