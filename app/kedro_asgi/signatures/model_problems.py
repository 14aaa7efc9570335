"""The values that models of parameters refuse, with their places in the parameter."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from kedro_asgi.errors import ModelInstantiationError
from kedro_asgi.redaction import redact
from kedro_asgi.signatures.body_check import BodyProblem, ValuePath
from kedro_asgi.validation import ParameterValidator

# "Expected `int`, got `str` - at `$.layers[0].size`"
_MSGSPEC = re.compile(r"(?P<message>.*?) - at `(?P<path>\$[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+)\]|\[\.{3}\]")


def model_problems(validator: ParameterValidator, parameters: Mapping[str, object]) -> Iterator[BodyProblem]:
    """Yield what models that nodes require refuse in ``parameters``, below ``params``; calls the models' own code."""
    for keys, error in validator.errors(parameters):
        for path, message in _reasons(error):
            yield BodyProblem(kind="value_error", path=("params", *keys, *path), message=redact(message))


def _reasons(error: ModelInstantiationError) -> Iterator[tuple[ValuePath, str]]:
    cause = error.__cause__
    found = _MSGSPEC.fullmatch(str(cause)) if isinstance(cause, msgspec.ValidationError) else None
    if found is not None:
        yield tuple(_steps(found["path"])), found["message"]
    elif cause is not None and type(cause).__module__.startswith("pydantic") and hasattr(cause, "errors"):
        for one in cause.errors(include_url=False, include_input=False, include_context=False):
            yield tuple(one["loc"]), one["msg"]
    else:
        yield (), str(error)


def _steps(path: str) -> Iterator[str | int]:
    for step in _STEP.finditer(path):
        if step["key"] is not None:
            yield step["key"]
        elif step["index"] is not None:
            yield int(step["index"])
