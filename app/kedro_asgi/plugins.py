"""Hooks of installed distributions, which their entry points register for ``kedro.hooks`` (HOOK-9)."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from kedro_asgi.errors import PluginError

_GROUP = "kedro.hooks"
# It comes with Kedro and reports every run over the network, which no user has configured.
_TELEMETRY = frozenset({"kedro-telemetry"})
_NO_SWITCHES: Mapping[str, bool] = {}


def plugin_hooks(disabled: Iterable[str] = (), *, switches: Mapping[str, bool] = _NO_SWITCHES) -> list[Any]:
    """Import and return the hooks of all installed plugins except the ``disabled`` ones, sorted by distribution.

    ``switches`` turn single distributions on or off, telemetry too. A plugin that is off is not imported. Raises
    `PluginError` for a plugin that cannot be imported.
    """
    given = {_normalised(name): is_on for name, is_on in switches.items()}
    off = {name for name, is_on in given.items() if not is_on}
    skipped = (_TELEMETRY - given.keys()) | off | {_normalised(name) for name in disabled}
    wanted = (point for point in entry_points(group=_GROUP) if _distribution(point) not in skipped)
    return [_load(point) for point in sorted(wanted, key=lambda point: (_distribution(point), point.name))]


def _distribution(point: EntryPoint) -> str:
    return _normalised(point.dist.name) if point.dist else ""


def _normalised(name: str) -> str:
    """Return a distribution name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(_distribution(point), point.value, error) from error
