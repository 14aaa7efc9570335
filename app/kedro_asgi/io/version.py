"""The version of a dataset that is loaded, and the one that is saved."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from kedro_asgi.errors import VersionStringError


class Version(NamedTuple):
    """The version to load (``None``: the latest) and the version to save (``None``: a new timestamp)."""

    load: str | None
    save: str | None


def as_version(version: Version | str) -> Version:
    """Return ``version``, which may be of Kedro's class, as one of ours; a text is the version to load."""
    return Version(version, None) if isinstance(version, str) else Version(*version)


def checked_version(version: str) -> str:
    """Return ``version`` if it can be one folder's name, else raise VersionStringError (CAT-35)."""
    if version in ("", ".", "..") or any(char in version for char in "/\\\0"):
        raise VersionStringError(version)
    return version


def timestamp() -> str:
    """Return the current time as a version: ``2026-11-21T00.18.19.983Z``."""
    seconds, rest = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H.%M.%S}.{rest:03d}Z"
