"""The values of a project that its schemas may show: short, JSON, and without secrets."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET

from kedro_asgi.encoding import encode_exactly
from kedro_asgi.redaction import names_secret, redact
from kedro_asgi.signatures.definitions import Json

_MAX_BYTES = 4096
_SHOWS_VALUES = ("default", "examples", "example")
_HAS_NAMED_SCHEMAS = ("properties", "$defs")


def shown_value(name: str, value: object, *, is_secret: Callable[[str], object] = names_secret) -> Any:
    """Return ``value`` as it may be shown under ``name``; UNSET if it is a secret, too long, or no JSON.

    A mapping is shown without what must not be shown: where it is merged over the project's own value, nothing is lost.
    """
    shown = _without_secrets(name, value, is_secret)
    if shown is UNSET:
        return UNSET
    try:
        return shown if len(encode_exactly(shown)) <= _MAX_BYTES else UNSET
    except (TypeError, ValueError):
        return UNSET


def with_shown_values(schema: Json, *, name: str = "") -> Json:
    """Return the schema of ``name`` without the defaults and examples that must not be shown: code has secrets too."""
    return {key: found for key, part in schema.items() if (found := _shown_part(key, part, name)) is not UNSET}


def _shown_part(key: str, part: Any, name: str) -> Any:
    if key in _SHOWS_VALUES:
        return shown_value(name, part)
    if key in _HAS_NAMED_SCHEMAS and isinstance(part, dict):
        return {inner: _shown_part("", schema, inner) for inner, schema in part.items()}
    if key in ("enum", "const"):
        return part
    if isinstance(part, dict):
        return with_shown_values(part, name=name)
    if isinstance(part, list):
        return [_shown_part("", schema, name) for schema in part]
    return part


def _without_secrets(name: str, value: object, is_secret: Callable[[str], object]) -> Any:
    if is_secret(name):
        return UNSET
    if isinstance(value, str):
        return value if redact(value) == value else UNSET
    if isinstance(value, Mapping):
        shown = {str(key): _without_secrets(str(key), item, is_secret) for key, item in value.items()}
        return {key: item for key, item in shown.items() if item is not UNSET}
    if isinstance(value, list | tuple):
        items = [_without_secrets("", item, is_secret) for item in value]
        return UNSET if UNSET in items else items
    return value
