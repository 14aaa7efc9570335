"""Hooks of installed distributions: what their entry points register for ``kedro.hooks`` (HOOK-9)."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from kedro_asgi.errors import PluginError

_GROUP = "kedro.hooks"
# It comes with Kedro and reports every run to somebody else; no network call that the user did not configure.
_UNWANTED = frozenset({"kedro-telemetry"})
_NO_SWITCHES: Mapping[str, bool] = MappingProxyType({})


def plugin_hooks(disabled: Iterable[str] = (), *, switches: Mapping[str, bool] = _NO_SWITCHES) -> list[Any]:
    """Import and return the hooks of all installed plugins, sorted by distribution, but for those ``disabled``.

    ``switches`` turn single distributions on or off, telemetry too. What is off is not even imported. Raises
    `PluginError` for a plugin that cannot be imported.
    """
    given = {_normal(name): is_on for name, is_on in switches.items()}
    off = {name for name, is_on in given.items() if not is_on}
    skipped = (_UNWANTED - given.keys()) | off | {_normal(name) for name in disabled}
    wanted = (point for point in entry_points(group=_GROUP) if _distribution(point) not in skipped)
    return [_load(point) for point in sorted(wanted, key=lambda point: (_distribution(point), point.name))]


def _distribution(point: EntryPoint) -> str:
    return _normal(point.dist.name) if point.dist else ""


def _normal(name: str) -> str:
    """Distribution names are compared as package indexes do (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(_distribution(point), point.value, error) from error
