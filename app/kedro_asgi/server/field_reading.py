"""Read the fields of settings: from arguments, else from environment variables, else the defaults."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_type_hints

import msgspec

from kedro_asgi.errors import ServerSettingsError

VARIABLE_PREFIX = "KEDRO_SERVER_"


def variable_of(field: str) -> str:
    """Return the name of the environment variable that sets ``field``."""
    return f"{VARIABLE_PREFIX}{field.upper()}"


def read_fields(
    struct: type[msgspec.Struct], given: Mapping[str, Any], environ: Mapping[str, str], *, special: Collection[str] = ()
) -> dict[str, Any]:
    """Return each field that is given or set by ``KEDRO_SERVER_<FIELD>``; the others keep their defaults.

    The caller reads the ``special`` fields itself. Raises `ServerSettingsError`.
    """
    settings = {}
    for field, kind in get_type_hints(struct, include_extras=True).items():
        if field in special:
            continue
        value = given.get(field) if given.get(field) is not None else environ.get(variable_of(field))
        if value is not None:
            settings[field] = _convert(variable_of(field), value, kind)
    return settings


def read_names(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names that are given as a list, or as a text with commas."""
    if given is None:
        return None
    names = given.split(",") if isinstance(given, str) else given
    return tuple(name.strip() for name in names if name.strip())


def _convert(name: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        reason = "it is true or false" if kind in (bool, bool | None) else error
        raise ServerSettingsError(f"'{name}' must not be {value!r}: {reason}") from error
