"""The record of a new run, and the part of a request that it holds: all that a person needs to repeat the run."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import msgspec

from kedro_asgi.errors import OutOfRangeError
from kedro_asgi.errors.wording import bounded, bounded_names
from kedro_asgi.failures import MAX_CHARACTERS, shown
from kedro_asgi.redaction import names_secret
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runs import RunId, RunOrder, RunRecord, RunSpec, Slice
from kedro_asgi.trace_context import current_trace_headers, sampled_trace_headers

# Text without a credential, and without anything else that a record may not hold.
_HARMLESS = re.compile(r"[A-Za-z0-9_.\- ]{0,200}")
_LEFT_OUT = "… (left out)"
# The marks for a value, a part of a text, a number or a character that a record does not hold.
_CHANGED = re.compile(r"…|<[\w.]+>|^-?(nan|inf)$|\\u?[xd]")
# The cost of a value besides its text, so that empty ones are not free.
_PUNCTUATION = 4
_MAX_DEPTH = 16
_NUMBERS = (bool, int, float)
# The builtin classes first: to ask an abstract class costs a microsecond.
_MAPPINGS = (dict, Mapping)
_CONTAINERS = (*_MAPPINGS, list, tuple)
# The fields of a spec beside the slice, and those of a request that have other names.
_FIELDS = tuple(name for name in RunSpec.__struct_fields__ if name not in ("slice", "attempt", "tables"))
_NAMES = {"runtime_params": "params"}
_WHOLE = Slice()


def describe_run(
    order: RunOrder,
    run_id: RunId,
    *,
    is_promised: bool,
    max_timeout_seconds: float | None,
    env: str | None,
    is_secret: Callable[[str], object] = names_secret,
) -> RunRecord:
    """Return the record of a new run, which is queued; its caller is the code of this context.

    Another worker may go on with a promised run, so its record has the trace of its caller even if that is dropped.
    """
    return RunRecord(
        run_id=run_id,
        status="queued",
        created_at=datetime.now(UTC),
        pipeline_names=_shown_names(order.spec.slice.pipeline_names or (DEFAULT_PIPELINE,)),
        labels=order.labels,
        timeout_seconds=_lower(order.timeout_seconds, max_timeout_seconds),
        request=describe_request(order.spec, is_secret=is_secret),
        env=env,
        rerun_of=order.rerun_of,
        trace_context=current_trace_headers() if is_promised else sampled_trace_headers(),
    )


def describe_request(spec: RunSpec, *, is_secret: Callable[[str], object] = names_secret) -> dict[str, Any]:
    """Return the fields of ``POST /runs`` that ask for ``spec``, without those that have their default.

    Credentials are redacted, and values whose names are those of secrets. Values beyond `MAX_CHARACTERS` in all are
    left out, and ``inputs`` are names only. The work does not grow with the size of the values, since the event loop
    does it.
    """
    budget = _Budget(MAX_CHARACTERS, is_secret)
    given: dict[str, Any] = {}
    if spec.slice != _WHOLE:
        given = {name: value for name, value in msgspec.structs.asdict(spec.slice).items() if value}
    given |= {_NAMES.get(name, name): value for name in _FIELDS if (value := getattr(spec, name))}
    if spec.inputs:
        given["inputs"] = tuple(spec.inputs)
    if spec.retries is not None:
        given["retries"] = msgspec.to_builtins(spec.retries)
    return {name: budget.take(value) for name, value in given.items()}


def read_request(request: Mapping[str, Any]) -> RunSpec | None:
    """Return the spec that `describe_request` has described; ``None`` if it may have left something out or redacted it.

    The text of a caller that looks like that counts as such.
    """
    if "inputs" in request or not all(map(_is_verbatim, (request, *request.values()))):
        return None
    try:
        return RunSpec.of(**{"outputs": (), **request})
    except (TypeError, OutOfRangeError):
        # A later version has written it.
        return None


def _is_verbatim(value: Any) -> bool:
    match value:
        case str():
            return _CHANGED.search(value) is None
        case Mapping():
            return all(map(_is_verbatim, (*value, *value.values())))
        case list() | tuple():
            return all(map(_is_verbatim, value))
    return True


class _Budget:
    """Copies values until their text is as long as is allowed."""

    def __init__(self, characters: int, is_secret: Callable[[str], object]) -> None:
        self._left = characters
        self._is_secret = is_secret
        self._depth = 0

    def take(self, value: Any) -> Any:
        if self._left <= 0:
            return _LEFT_OUT
        self._left -= _PUNCTUATION
        if isinstance(value, str):
            return self._take_text(value)
        if value is None or isinstance(value, _NUMBERS):
            self._left -= _PUNCTUATION
            # JSON has no NaN and no infinities.
            return str(value) if isinstance(value, float) and not isfinite(value) else value
        if isinstance(value, _CONTAINERS):
            return self._take_container(value)
        self._left -= 40
        return f"<{type(value).__qualname__}>"

    def _take_text(self, value: str) -> str:
        harmless = _HARMLESS.fullmatch(value) if len(value) <= self._left else None
        text = bounded(shown(value), max(self._left, 0)) if harmless is None else harmless[0]
        self._left -= len(text)
        return text

    def _take_container(self, value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> Any:
        if self._depth == _MAX_DEPTH:
            return _LEFT_OUT
        self._depth += 1
        taken = self._take_mapping(value) if isinstance(value, _MAPPINGS) else self._take_list(value)
        self._depth -= 1
        return taken

    def _take_mapping(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for key, value in values.items():
            if self._left <= 0:
                return {**taken, "…": f"({len(values) - len(taken)} left out)"}
            name = self.take(str(key))
            taken[name] = "<redacted>" if self._is_secret(name) and value else self.take(value)
        return taken

    def _take_list(self, values: list[Any] | tuple[Any, ...]) -> list[Any]:
        taken: list[Any] = []
        for value in values:
            if self._left <= 0:
                return [*taken, f"… ({len(values) - len(taken)} left out)"]
            taken.append(self.take(value))
        return taken


def _lower(limit: float | None, ceiling: float | None) -> float | None:
    if limit is None or ceiling is None:
        return limit if ceiling is None else ceiling
    return min(limit, ceiling)


def _shown_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of pipelines for a record: a caller may ask for pipelines of any name."""
    if sum(map(len, names)) <= MAX_CHARACTERS:
        return names
    return bounded_names(tuple(bounded(name, MAX_CHARACTERS // 2) for name in names), MAX_CHARACTERS)
