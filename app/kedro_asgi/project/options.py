"""What ``[tool.kedro-asgi]`` of a project's ``pyproject.toml`` says."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kedro_asgi.errors import ProjectError

_SECTION = "kedro-asgi"


class ProjectOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The project's options for this engine.

    ``plugins`` turns the hooks of installed distributions on or off by name; all are on but telemetry's. ``preload``
    names datasets, by name or pattern, that a served project loads once and that all its runs share.
    """

    plugins: Mapping[str, bool] = {}
    preload: tuple[str, ...] = ()


def read_options(config_file: Path) -> ProjectOptions:
    """Read the section of ``config_file``, which may have none; raises `ProjectError` for what it must not hold."""
    document = tomllib.loads(config_file.read_text(encoding="utf-8"))
    try:
        return msgspec.convert(document.get("tool", {}).get(_SECTION, {}), ProjectOptions)
    except msgspec.ValidationError as error:
        raise ProjectError(f"Section [tool.{_SECTION}] of '{config_file}': {error}") from error
