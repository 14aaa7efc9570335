"""Validators, and how the ``class`` of a declaration becomes one (CAT-71)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

from kedro_asgi.errors import ValidatorTargetError
from kedro_asgi.validation.declaration import ValidatorSpec
from kedro_asgi.validation.pandera import OPTIONS, PanderaValidator, is_pandera


@runtime_checkable
class Validator(Protocol):
    """Any object that validates data."""

    def validate(self, data: Any) -> Any:
        """Return the data that the run goes on with, ``None`` for ``data`` itself; raise any exception to refuse it."""
        ...


class CallableValidator:
    """A function as a validator."""

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self._func = func

    def validate(self, data: Any) -> Any:
        """Return the result of the function, or ``data`` if that is ``None``."""
        result = self._func(data)
        return data if result is None else result

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._func!r})"


def resolve_validator(spec: ValidatorSpec) -> Validator:
    """Return the validator that ``spec`` names: an instance of a class, made with the options, an object or a function.

    Schemas and models of pandera are wrapped. Raises `ValidatorTargetError` if the name cannot be imported or does not
    validate.
    """
    target = _import_target(spec.class_path)
    if is_pandera(target):
        return _pandera(spec, target)
    if isinstance(target, type):
        return _instance(spec, target)
    if isinstance(target, Validator):
        _refuse_options(spec, "an instance")
        return target
    if callable(target):
        _refuse_options(spec, "a plain callable")
        return CallableValidator(target)
    raise _problem(
        spec,
        f"Validator '{spec.class_path}' resolved to {type(target).__name__} ({target!r}), which is not a validator "
        "class, a validator instance, a supported schema or a callable.",
    )


def preflight_check(specs: Mapping[str, ValidatorSpec]) -> list[str]:
    """Return a message for each validator whose package is not installed; imports nothing."""
    return [problem for name, spec in specs.items() if (problem := _missing_package(name, spec.class_path))]


def _missing_package(name: str, class_path: str) -> str | None:
    package = class_path.partition(".")[0]
    if not package:
        return f"Validator for dataset '{name}' has an invalid class path '{class_path}'."
    if find_spec(package) is None:
        return f"Validator for dataset '{name}' requires package '{package}' which is not installed ({class_path})."
    return None


def _import_target(class_path: str) -> Any:
    module, _, name = class_path.rpartition(".")
    try:
        if not module or module.startswith("."):
            raise ImportError("a full path is needed, with the module in it")
        return getattr(import_module(module), name)
    except Exception as error:  # a module may raise anything while it is imported
        raise ValidatorTargetError(class_path, f"Could not import validator '{class_path}': {error}.") from error


def _pandera(spec: ValidatorSpec, schema: Any) -> PanderaValidator:
    if unknown := sorted(str(key) for key in spec.options if key not in OPTIONS):
        raise _problem(
            spec,
            f"Unsupported option(s) {unknown} for pandera validator '{spec.class_path}'. "
            f"Supported options: {', '.join(OPTIONS)}.",
        )
    return PanderaValidator(schema, **spec.options)


def _instance(spec: ValidatorSpec, cls: type) -> Validator:
    if not callable(getattr(cls, "validate", None)):
        raise _problem(
            spec,
            f"Validator '{spec.class_path}' resolved to class {cls.__name__}, which does not provide a "
            "'validate(data)' method.",
        )
    try:
        validator: Validator = cls(**spec.options)
    except Exception as error:
        raise ValidatorTargetError(
            spec.class_path,
            f"Could not instantiate validator '{spec.class_path}' with options {spec.options}: {error}",
        ) from error
    return validator


def _refuse_options(spec: ValidatorSpec, kind: str) -> None:
    if spec.options:
        raise _problem(
            spec,
            f"Validator '{spec.class_path}' is {kind} and cannot accept options {sorted(map(str, spec.options))}: "
            "only a class can.",
        )


def _problem(spec: ValidatorSpec, problem: str) -> ValidatorTargetError:
    return ValidatorTargetError(spec.class_path, problem)
