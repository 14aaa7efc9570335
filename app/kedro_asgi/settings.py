"""A project's ``settings.py`` as a value."""

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import msgspec

from kedro_asgi.errors import SettingsError, SettingTypeError


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that Kedro knows, with Kedro's defaults; ``None`` in place of a class means kedro-asgi's class.

    ``extras`` holds the project's other UPPER-CASE names. ``CONFIG_LOADER_ARGS`` replaces all of its default (PRJ-17).
    """

    conf_source: str = "conf"
    hooks: Any = ()
    context_class: type | None = None
    session_class: type | None = None
    session_store_class: type | None = None
    session_store_args: Mapping[str, Any] = {}
    disable_hooks_for_plugins: tuple[str, ...] = ()
    runner_module_allowlist: tuple[str, ...] = ()
    config_loader_class: type | None = None
    config_loader_args: Mapping[str, Any] = msgspec.field(
        default_factory=lambda: {"base_env": "base", "default_run_env": "local"}
    )
    data_catalog_class: type | None = None
    dataset_validation: bool = True
    extras: Mapping[str, Any] = {}


def read_settings(module: ModuleType) -> Settings:
    """Read the UPPER-CASE names of ``module``; raises `SettingsError` for an invalid value."""
    named = {name.lower(): value for name, value in vars(module).items() if name.isupper()}
    known = {field: _checked(module, field, value) for field, value in named.items() if field in _CHECKS}
    extras = {field.upper(): value for field, value in named.items() if field not in _CHECKS}
    return Settings(**known, extras=extras)


def _checked(module: ModuleType, field: str, value: Any) -> Any:
    try:
        return _CHECKS[field](value)
    except (TypeError, ValueError) as error:
        kind = SettingTypeError if isinstance(error, TypeError) else SettingsError
        raise kind(
            f"Invalid value '{value}' received for setting '{field.upper()}' in '{module.__name__}': {error}"
        ) from error


def _class(value: Any) -> type:
    if isinstance(value, type):
        return value
    raise TypeError("it must be a class")


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError("it must be a mapping of keyword arguments")


def _names(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError("it must be a list of names, not one string")
    return tuple(map(str, value))


# The hook manager checks HOOKS: a server must start although they are invalid (SRV-8).
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "conf_source": str,
    "hooks": lambda value: value,
    "context_class": _class,
    "session_class": _class,
    "session_store_class": _class,
    "session_store_args": _mapping,
    "disable_hooks_for_plugins": _names,
    "runner_module_allowlist": _names,
    "config_loader_class": _class,
    "config_loader_args": _mapping,
    "data_catalog_class": _class,
    "dataset_validation": bool,
}
