"""Validators, and how the ``class`` of a declaration becomes one (CAT-71)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from kedro_asgi.errors import ValidatorTargetError
from kedro_asgi.python_modules import is_importable
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


_PANDERA_HINT = " Install it with a backend: `pip install 'kedro[pandera-pandas]'` or `'kedro[pandera-polars]'`."


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
    if not is_importable(package):
        problem = f"Validator for dataset '{name}' requires package '{package}' which is not installed ({class_path})."
        return problem + (_PANDERA_HINT if package == "pandera" else "")
    return None


def _import_target(class_path: str) -> Any:
    module, _, name = class_path.rpartition(".")
    try:
        if not module or module.startswith("."):
            raise ImportError("a full path is needed, with the module in it")
        return getattr(import_module(module), name)
    except Exception as error:  # a module may raise anything while it is imported
        problem = f"Could not import validator '{class_path}': {error}.{_import_hint(class_path)}"
        raise ValidatorTargetError(class_path, problem) from error


def _import_hint(class_path: str) -> str:
    if not class_path.startswith("pandera."):
        return " Check that the class path is correct, and that its package is installed."
    if not is_importable("pandera"):
        return _PANDERA_HINT
    return (
        " pandera is installed but has no such name, or lacks a backend: check the class path, or install the backend."
    )


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
        problem = f"Could not instantiate validator '{spec.class_path}' with options {spec.options}: {error}"
        raise _problem(spec, problem) from error
    if not isinstance(validator, Validator):
        raise _problem(
            spec,
            f"Validator '{spec.class_path}' made a {type(validator).__name__}, which has no 'validate(data)' method.",
        )
    return validator


def _refuse_options(spec: ValidatorSpec, kind: str) -> None:
    if spec.options:
        raise _problem(
            spec,
            f"Validator '{spec.class_path}' is {kind} and cannot accept options {sorted(map(str, spec.options))}: "
            "only a class can. Name a class, or drop the options.",
        )


def _problem(spec: ValidatorSpec, problem: str) -> ValidatorTargetError:
    return ValidatorTargetError(spec.class_path, problem)
