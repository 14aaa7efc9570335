"""The classes that a parameter can become: dataclasses, pydantic models and msgspec structs (PAR-13)."""

import dataclasses
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from kedro_asgi.errors import ModelInstantiationError

_log = logging.getLogger(__name__)

Build = Callable[[type, Any], Any]


class ModelType(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The class that a type hint requires of a parameter; ``hint`` is the whole hint, ``cls`` the class in it."""

    hint: Any
    cls: type
    build: Build
    is_optional: bool

    def instantiate(self, parameter: str, raw: Any) -> Any:
        """Return the model that is built from a copy of ``raw``; raises `ModelInstantiationError`.

        ``None`` is accepted for optional hints only (PAR-14); an instance of the class stays as it is.
        """
        if isinstance(raw, self.cls) or (raw is None and self.is_optional):
            return raw
        if raw is None:
            raise ModelInstantiationError.of_parameter(parameter, "value is None but type is not Optional")
        return instantiate_model(parameter, raw, self.cls)


def model_type(hint: Any) -> ModelType | None:
    """Return the model that ``hint`` requires, or ``None`` if it names no model, or a union of several types."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    wanted = [option for option in options if option is not NoneType]
    builds = [build for option in wanted if (build := _build(option)) is not None]
    if len(wanted) > 1 and builds:
        _log.warning("Union type hint (%s) is not supported for validation: the parameter is passed as it is.", hint)
    if len(wanted) != 1 or not builds:
        return None
    return ModelType(hint=hint, cls=wanted[0], build=builds[0], is_optional=len(options) > 1)


def instantiate_model(param_key: str, raw_value: Any, model_type: type) -> Any:
    """Return ``raw_value`` as an instance of ``model_type``, or as it is if that is no model class.

    A dataclass is called with the keys, and does not check their types. A pydantic model validates. A msgspec struct
    is converted strictly: the text ``"5"`` is no number. Raises `ModelInstantiationError`.
    """
    build = _build(model_type)
    if build is None:
        _log.debug("Parameter '%s' asks for %s, which is no model: skipping validation", param_key, model_type)
        return raw_value
    try:
        # Build from a copy: the code of a model may change its argument, which belongs to all runs.
        return build(model_type, deepcopy(raw_value))
    except _NotAMappingError as error:
        raise ModelInstantiationError.of_parameter(param_key, str(error)) from None
    except Exception as error:
        reason = f"Failed to instantiate {model_type.__name__} for parameter '{param_key}': {error}"
        raise ModelInstantiationError.of_parameter(param_key, reason) from error


def fields_of(value: Any) -> Mapping[str, Any] | None:
    """Return the declared fields of a model, by name, or ``None`` for any other value."""
    cls = type(value)
    if _is_struct(cls):
        return _values(value, cls.__struct_fields__)
    if _is_pydantic(cls):
        return _values(value, cls.model_fields)
    if dataclasses.is_dataclass(cls):
        return _values(value, [field.name for field in dataclasses.fields(cls)])
    return None


def _values(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


class _NotAMappingError(TypeError):
    """A dataclass cannot be built from a value that has no keys."""


def _build(cls: Any) -> Build | None:
    if not isinstance(cls, type):
        return None
    if _is_struct(cls):
        return _build_struct
    if _is_pydantic(cls):
        return _build_pydantic
    return _build_dataclass if dataclasses.is_dataclass(cls) else None


def _is_struct(cls: type) -> bool:
    return issubclass(cls, msgspec.Struct)


def _is_pydantic(cls: type) -> bool:
    """Look among the imported modules only: without pydantic there are no models of it."""
    base = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    return base is not None and issubclass(cls, base)


def _build_struct(cls: type, raw: object) -> Any:
    return msgspec.convert(raw, cls)


def _build_pydantic(cls: Any, raw: object) -> Any:
    return cls.model_validate(raw)


def _build_dataclass(cls: type, raw: object) -> Any:
    if not isinstance(raw, dict):
        raise _NotAMappingError(f"Expected dict for dataclass {cls.__name__}, got {type(raw).__name__}")
    return cls(**raw)
