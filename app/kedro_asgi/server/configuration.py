"""What a server is told: by arguments, else by environment variables, else defaults."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.session.asynchronous import DEFAULT_CONCURRENCY

MEBIBYTE = 1024 * 1024

_PROJECT_PATH = "KEDRO_PROJECT_PATH"
_CONCURRENCY = "KEDRO_SERVER_MAX_CONCURRENCY"
_BODY_BYTES = "KEDRO_SERVER_MAX_BODY_BYTES"


class ServerConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """One server's settings; ``max_body_bytes`` limits request bodies, ``max_concurrency`` runs at a time.

    ``preload`` of ``None`` leaves it to the project what to preload.
    """

    project_path: Path
    env: str | None = None
    conf_source: str | None = None
    max_concurrency: int = DEFAULT_CONCURRENCY
    max_body_bytes: int = 16 * MEBIBYTE
    preload: tuple[str, ...] | None = None

    @classmethod
    def read(
        cls,
        *,
        project_path: str | Path | None,
        env: str | None,
        conf_source: str | Path | None,
        max_concurrency: int | None,
        max_body_bytes: int | None,
        preload: Iterable[str] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> "ServerConfiguration":
        """Combine arguments and environment (SRV-2, SRV-3); raises `ServerSettingsError`."""
        source = conf_source if conf_source is not None else environ.get("KEDRO_SERVER_CONF_SOURCE")
        return cls(
            project_path=_project_path(project_path if project_path is not None else environ.get(_PROJECT_PATH)),
            env=env if env is not None else environ.get("KEDRO_SERVER_ENV"),
            conf_source=str(source) if source is not None else None,
            max_concurrency=_positive(_CONCURRENCY, max_concurrency, environ, DEFAULT_CONCURRENCY),
            max_body_bytes=_positive(_BODY_BYTES, max_body_bytes, environ, 16 * MEBIBYTE),
            preload=_names(preload if preload is not None else environ.get("KEDRO_SERVER_PRELOAD")),
        )


def _project_path(given: str | Path | None) -> Path:
    if given is None or str(given) == "":
        raise ServerSettingsError(f"Environment variable '{_PROJECT_PATH}' is not set or passed as an argument.")
    path = Path(given).resolve()
    if not path.exists():
        raise ServerSettingsError(f"Project path '{path}' does not exist.")
    return path


def _names(given: Iterable[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = given.split(",") if isinstance(given, str) else given
    return tuple(name.strip() for name in names if name.strip())


def _positive(name: str, given: int | None, environ: Mapping[str, str], default: int) -> int:
    value = given if given is not None else environ.get(name, default)
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise ServerSettingsError(f"'{name}' must be a whole number from 1, not {value!r}.")
    return number
