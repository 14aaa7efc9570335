"""Validate the body of a run request that msgspec refuses, with Kedro's messages (SRV-20)."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Literal, TypeVar, get_type_hints

import msgspec

from kedro_asgi.encoding import is_unicode
from kedro_asgi.limits import MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS, MAX_TIMEOUT_SECONDS
from kedro_asgi.retries import Retries
from kedro_asgi.schemas import (
    BOOL_WORDS,
    RUNNER_PATTERN,
    TRUE_WORDS,
    RunRequest,
    RunSubmission,
    ValidationError,
)
from kedro_asgi.server.errors import MAX_PROBLEMS, InvalidBodyError

# Without the anchors: ``$`` would also match before a newline at the end.
RUNNER_PATH = re.compile(RUNNER_PATTERN.removeprefix("^").removesuffix("$"))
JSON_TYPE = re.compile(r"application/([\w.!#$&^-]+\+)?json", re.IGNORECASE)

_NOT_AN_OBJECT = "Input should be a valid dictionary or object to extract fields from"


Location = list[str | int]
Check = Callable[[Any, Location], Iterator[ValidationError]]
AnyRunRequest = TypeVar("AnyRunRequest", RunRequest, RunSubmission)


def validate_run_request(body: bytes, content_type: str, kind: type[AnyRunRequest]) -> AnyRunRequest:
    """Return the request in a body that msgspec refused; raises `InvalidBodyError`, which lists all problems.

    The body is read field by field, to list its problems as Kedro does and to accept the values that Kedro accepts
    beyond plain JSON (``"yes"`` for true, ``NaN``).
    """
    return _read_fields(_parse(body, content_type), kind)


def parse_strictly(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the object in a body that msgspec refused; raises `InvalidBodyError`, also for NaN and infinities."""
    document = _parse(body, content_type)
    if problems := list(islice(_non_finite(document, ["body"]), MAX_PROBLEMS)):
        raise InvalidBodyError(problems)
    return document


def _parse(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        raise InvalidBodyError([ValidationError(type="missing", loc=["body"], msg="Field required", input=None)])
    if not JSON_TYPE.fullmatch(content_type.partition(";")[0].strip()):
        raise InvalidBodyError([_not_an_object(body.decode(errors="replace"))])
    try:
        document = json.loads(body)
    except json.JSONDecodeError as error:
        raise InvalidBodyError([_not_json(error.pos, error.msg)]) from error
    except UnicodeDecodeError as error:
        raise InvalidBodyError([_not_json(error.start, "The body is not valid UTF-8")]) from error
    except (ValueError, RecursionError) as error:
        raise InvalidBodyError([_not_json(0, f"The body cannot be read: {error}")]) from error
    if not isinstance(document, dict):
        raise InvalidBodyError([_not_an_object(document)])
    return document


def _read_fields(document: dict[str, Any], kind: type[AnyRunRequest]) -> AnyRunRequest:
    checks = _CHECKS[kind]
    if problems := list(islice(_problems(document, checks), MAX_PROBLEMS)):
        raise InvalidBodyError(problems)
    bools = {key: _as_bool(value) for key, value in document.items() if checks[key] is _check_bool}
    structs = {"retries": msgspec.convert(document["retries"], Retries)} if document.get("retries") else {}
    return kind(**{**document, **bools, **structs})


def _problems(document: dict[str, Any], checks: Mapping[str, Check]) -> Iterator[ValidationError]:
    for field, check in checks.items():
        if field in document:
            yield from check(document[field], ["body", field])
    for key, value in document.items():
        if key not in checks:
            msg = "Extra inputs are not permitted"
            yield ValidationError(type="extra_forbidden", loc=["body", key], msg=msg, input=value)


def _check_bool(value: Any, loc: Location) -> Iterator[ValidationError]:
    if isinstance(value, bool) or _is_bool_word(value):
        return
    if isinstance(value, str | int):
        msg = "Input should be a valid boolean, unable to interpret input"
        yield ValidationError(type="bool_parsing", loc=loc, msg=msg, input=value)
    else:
        yield ValidationError(type="bool_type", loc=loc, msg="Input should be a valid boolean", input=value)


def _check_text(value: Any, loc: Location) -> Iterator[ValidationError]:
    if not isinstance(value, str):
        yield ValidationError(type="string_type", loc=loc, msg="Input should be a valid string", input=value)


def _check_texts(value: Any, loc: Location) -> Iterator[ValidationError]:
    if value is None:
        return
    if not isinstance(value, list):
        yield ValidationError(type="list_type", loc=loc, msg="Input should be a valid list", input=value)
        return
    for index, item in enumerate(value):
        yield from _check_text(item, [*loc, index])


def _check_mapping(value: Any, loc: Location) -> Iterator[ValidationError]:
    if value is not None and not isinstance(value, dict):
        yield ValidationError(type="dict_type", loc=loc, msg="Input should be a valid dictionary", input=value)


def _check_text_mapping(value: Any, loc: Location) -> Iterator[ValidationError]:
    yield from _check_mapping(value, loc)
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _check_text(item, [*loc, key])


def _check_labels(value: Any, loc: Location) -> Iterator[ValidationError]:
    yield from _check_text_mapping(value, loc)
    if not isinstance(value, dict):
        return
    if len(value) > MAX_LABELS:
        msg = f"Dictionary should have at most {MAX_LABELS} items, not {len(value)}"
        yield ValidationError(type="too_long", loc=loc, msg=msg, input=len(value))
    for name, text in value.items():
        if problem := _label_problem(name, text):
            yield ValidationError(type="value_error", loc=[*loc, name], msg=f"Value error, {problem}", input=text)


def _label_problem(name: str, text: Any) -> str | None:
    if not name or "=" in name:
        return "the name of a label must not be empty or hold '=', since a filter has the form name=value"
    if len(name) > MAX_LABEL_NAME or (isinstance(text, str) and len(text) > MAX_LABEL_VALUE):
        return f"a label may have {MAX_LABEL_NAME} characters in its name and {MAX_LABEL_VALUE} in its value"
    if not is_unicode(f"{name}{text}"):
        return "a label must be valid Unicode, since no URL could hold it as a filter"
    return None


def _check_finite_mapping(value: Any, loc: Location) -> Iterator[ValidationError]:
    yield from _check_mapping(value, loc)
    if isinstance(value, dict):
        yield from _non_finite(value, loc)


def _non_finite(value: Any, loc: Location) -> Iterator[ValidationError]:
    """Refuse NaN and infinities, which JSON does not have: answers and the store would turn them into null."""
    # No recursion: a body may be nested as deep as Python reads it.
    rest = [(value, loc)]
    while rest:
        found, loc = rest.pop()
        match found:
            case dict():
                rest += [(item, [*loc, key]) for key, item in found.items()]
            case list():
                rest += [(item, [*loc, index]) for index, item in enumerate(found)]
            case float() if not math.isfinite(found):
                msg = "Input should be a finite number"
                yield ValidationError(type="finite_number", loc=loc, msg=msg, input=str(found))


def _check_runner(value: Any, loc: Location) -> Iterator[ValidationError]:
    if value is None:
        return
    if not isinstance(value, str):
        yield from _check_text(value, loc)
    elif not RUNNER_PATH.fullmatch(value):
        msg = (
            f"Value error, runner '{value}' is not a valid Python dotted identifier. "
            "Name a class, such as 'SequentialRunner', or its dotted path."
        )
        yield ValidationError(type="value_error", loc=loc, msg=msg, input=value, ctx={"error": {}})


def _check_seconds(value: Any, loc: Location) -> Iterator[ValidationError]:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield ValidationError(type="float_type", loc=loc, msg="Input should be a valid number", input=value)
    elif not value > 0:
        yield ValidationError(type="greater_than", loc=loc, msg="Input should be greater than 0", input=value)
    elif value > MAX_TIMEOUT_SECONDS:
        msg = f"Input should be less than or equal to {MAX_TIMEOUT_SECONDS}"
        yield ValidationError(type="less_than_equal", loc=loc, msg=msg, input=value)


def _check_choice(first: str, second: str, value: Any, loc: Location) -> Iterator[ValidationError]:
    if value not in (first, second):
        text = f"Input should be '{first}' or '{second}'"
        yield ValidationError(type="literal_error", loc=loc, msg=text, input=value)


def _check_retries(value: Any, loc: Location) -> Iterator[ValidationError]:
    try:
        msgspec.convert(value, Retries | None)
    except msgspec.ValidationError as error:
        yield placed_problem(error, loc)


def placed_problem(error: msgspec.ValidationError, loc: Location) -> ValidationError:
    """Return a problem that msgspec has found within what is at ``loc``, with its own location."""
    msg, _, path = str(error).partition(" - at `$")
    within = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", path)]
    return ValidationError(type="value_error", loc=[*loc, *within], msg=msg, input=None)


_CHECKS_BY_TYPE: Mapping[Any, Check] = {
    bool: _check_bool,
    list[str] | None: _check_texts,
    dict[str, str] | None: _check_text_mapping,
    dict[str, Any] | None: _check_mapping,
    float | None: _check_seconds,
    Literal["mark", "rerun"]: partial(_check_choice, "mark", "rerun"),
    Literal["json", "arrow"]: partial(_check_choice, "json", "arrow"),
}
_CHECKS_BY_FIELD: Mapping[str, Check] = {
    "runner": _check_runner,
    "labels": _check_labels,
    "inputs": _check_finite_mapping,
    "retries": _check_retries,
}


def _checks(kind: type[AnyRunRequest]) -> dict[str, Check]:
    # The structs declare their fields in the order in which Kedro reports problems (SRV-20).
    types = get_type_hints(kind)
    return {name: _CHECKS_BY_FIELD.get(name) or _CHECKS_BY_TYPE[types[name]] for name in kind.__struct_fields__}


_CHECKS: Mapping[type[RunRequest], Mapping[str, Check]] = {kind: _checks(kind) for kind in (RunRequest, RunSubmission)}


def _is_bool_word(value: Any) -> bool:
    """Whether Kedro reads a number or word as true or false (SRV-18)."""
    if isinstance(value, str):
        return value.lower() in BOOL_WORDS
    return isinstance(value, int | float) and value in (0, 1)


def _as_bool(value: Any) -> bool:
    return value.lower() in TRUE_WORDS if isinstance(value, str) else bool(value)


def _not_an_object(value: Any) -> ValidationError:
    return ValidationError(type="model_attributes_type", loc=["body"], msg=_NOT_AN_OBJECT, input=value)


def _not_json(position: int, reason: str) -> ValidationError:
    return ValidationError(
        type="json_invalid", loc=["body", position], msg="JSON decode error", input={}, ctx={"error": reason}
    )
