"""The ``validator`` key of a catalog entry (CAT-70)."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from kedro_asgi.errors import ValidatorDeclarationError

MODES = ("load", "save")
_SEVERITIES = ("error", "warn")
_KEYS = ("class", "enabled", "on", "options", "severity", "skip_load_after_save")


class ValidatorSpec(msgspec.Struct, frozen=True):
    """The validator of a dataset's data, the operations that it checks, and how severe a failure is."""

    class_path: str
    on: tuple[str, ...] = MODES
    severity: str = "error"
    enabled: bool = True
    skip_load_after_save: bool = False
    options: dict[str, Any] = {}

    @classmethod
    def from_dataset_config(cls, ds_name: str, config: object) -> "ValidatorSpec":
        """Read a declaration: the path of a target, or a mapping; raises `ValidatorDeclarationError`."""
        if isinstance(config, str):
            return cls(config)
        try:
            return _read(config)
        except _DeclarationError as problem:
            raise ValidatorDeclarationError(ds_name, str(problem)) from None

    def to_config(self) -> str | dict[str, Any]:
        """Return the shortest declaration that gives this spec."""
        default = ValidatorSpec(self.class_path)
        values = msgspec.structs.asdict(self)
        changed = {key: values[key] for key in values if values[key] != getattr(default, key)}
        if "on" in changed:
            changed["on"] = list(self.on)
        return {"class": self.class_path, **changed} if changed else self.class_path


class _DeclarationError(Exception):
    """The reason why a declaration is wrong."""


def _read(config: object) -> ValidatorSpec:
    given = _known_keys(config)
    class_path = given.pop("class", None)
    if not isinstance(class_path, str) or not class_path:
        raise _DeclarationError("'class' must be a non-empty class path string")
    if "on" in given:
        given["on"] = _modes(given["on"])
    if given.get("severity", "error") not in _SEVERITIES:
        raise _DeclarationError(f"'severity' must be one of {list(_SEVERITIES)}, got {given['severity']!r}")
    for flag in ("enabled", "skip_load_after_save"):
        _expect(given, flag, bool, "a boolean")
    _expect(given, "options", dict, "a dictionary")
    return ValidatorSpec(class_path, **deepcopy(given))


def _known_keys(config: object) -> dict[str, Any]:
    if isinstance(config, list):
        raise _DeclarationError(
            "the list form is reserved for future use; declare one validator, as a path or a dictionary"
        )
    if not isinstance(config, Mapping):
        kind = type(config).__name__
        raise _DeclarationError(f"expected a class path string or a dictionary, got {kind} ({config!r})")
    given = dict(config)
    if any(key is True for key in given):  # YAML 1.1 reads an unquoted `on` as true, which equals 1
        if "on" in given:
            raise _DeclarationError("it needs a single 'on' key; an unquoted one, which YAML reads as true, is another")
        given["on"] = given.pop(True)
    if unknown := sorted((key for key in given if key not in _KEYS), key=str):
        raise _DeclarationError(f"unknown key(s) {unknown}. Allowed keys: {list(_KEYS)}")
    return given


def _modes(on: object) -> tuple[str, ...]:
    wanted = [on] if isinstance(on, str) else on
    if not isinstance(wanted, list | tuple) or not wanted or not all(mode in MODES for mode in wanted):
        raise _DeclarationError(f"'on' must be a non-empty subset of {list(MODES)}, got {on!r}")
    return tuple(mode for mode in MODES if mode in wanted)


def _expect(given: dict[str, Any], key: str, kind: type, description: str) -> None:
    if key in given and not isinstance(given[key], kind):
        raise _DeclarationError(f"'{key}' must be {description}, got {type(given[key]).__name__}")
