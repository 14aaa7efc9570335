"""The values of a project that its schemas may show: short, JSON, and without secrets."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from kedro_asgi.encoding import encode_exactly
from kedro_asgi.redaction import names_secret, redact

_MAX_BYTES = 4096


def shown_value(name: str, value: object) -> Any:
    """Return ``value`` as it may be shown under ``name``; UNSET if it is a secret, too long, or no JSON.

    A mapping is shown without what must not be shown: where it is merged over the project's own value, nothing is lost.
    """
    shown = _without_secrets(name, value)
    if shown is UNSET:
        return UNSET
    try:
        return shown if len(encode_exactly(shown)) <= _MAX_BYTES else UNSET
    except (TypeError, ValueError):
        return UNSET


def _without_secrets(name: str, value: object) -> Any:
    if names_secret(name):
        return UNSET
    if isinstance(value, str):
        return value if redact(value) == value else UNSET
    if isinstance(value, Mapping):
        shown = {str(key): _without_secrets(str(key), item) for key, item in value.items()}
        return {key: item for key, item in shown.items() if item is not UNSET}
    if isinstance(value, list | tuple):
        items = [_without_secrets("", item) for item in value]
        return UNSET if UNSET in items else items
    return value
