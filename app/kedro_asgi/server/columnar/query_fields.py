"""The fields of a run in the query of a request whose body is a table."""

from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from kedro_asgi.runs import SLICE_FILTERS
from kedro_asgi.schemas import BOOL_WORDS, TRUE_WORDS, RunRequest
from kedro_asgi.server.problems import InvalidQueryError

INPUT = "input"
"""The parameter that names the dataset in whose place the table comes."""

_LISTS = frozenset((*SLICE_FILTERS, "pipeline_names", "outputs"))
_JSON = frozenset(("params", "inputs", "load_versions", "labels", "retries"))
_FLAGS = frozenset(("is_async", "only_missing_outputs"))
_NUMBERS = frozenset(("timeout_seconds",))
# Parameters that the routes read themselves.
_OTHERS = frozenset((INPUT, "wait", "timeout_seconds", "on_hang_up"))
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def fields_in(query: QueryParams, kind: type[RunRequest]) -> dict[str, Any]:
    """Return the fields of ``kind`` that a query holds, as JSON would hold them: lists are repeated parameters.

    ``params`` and other mappings are JSON. Raises `InvalidQueryError`.
    """
    known = kind.__struct_fields__
    if unknown := sorted(set(query) - {*known, *_OTHERS}):
        names = ", ".join((INPUT, *known))
        raise InvalidQueryError(f"'{unknown[0]}' is unknown; beside a table, the parameters are {names}.")
    found = {name: _field(query, name) for name in query if name in known}
    try:
        msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise InvalidQueryError(f"A parameter is invalid: {error}") from error
    return found


def input_name(query: QueryParams) -> str | None:
    """Return the name of the dataset in whose place the table comes."""
    return _only(query, INPUT) if INPUT in query else None


def _field(query: QueryParams, name: str) -> Any:
    if name in _LISTS:
        return query.getlist(name)
    text = _only(query, name)
    if name in _FLAGS:
        return _flag(name, text)
    if name in _JSON or name in _NUMBERS:
        return _decoded(name, text, "a number" if name in _NUMBERS else "JSON")
    return text


def _only(query: QueryParams, name: str) -> str:
    values = query.getlist(name)
    if len(values) > 1:
        raise InvalidQueryError(f"'{name}' may be given only once.")
    return values[0]


def _flag(name: str, text: str) -> bool:
    if text.lower() not in BOOL_WORDS:
        raise InvalidQueryError(f"'{name}' must be true or false, not '{text}'.")
    return text.lower() in TRUE_WORDS


def _decoded(name: str, text: str, expected: str) -> Any:
    try:
        return _ANY.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidQueryError(f"'{name}' must be {expected}: {error}") from error
