"""Which environments of a configuration source make up a configuration, and how they are put together."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import msgspec

from kedro_asgi.config.overlay import mapping, with_environment
from kedro_asgi.errors import InvalidEnvError, MergeStrategyError

_ENV = re.compile(r"(?!\.+\Z)(?!.*\.\.)[A-Za-z0-9_.-]+")


class Environments(msgspec.Struct, frozen=True):
    """The base folder and the folder of the run environment, which may be the same (CFG-2).

    A run environment that is only the default may be absent (Q-43).
    """

    base: str
    run: str
    is_explicit: bool

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders, the base first."""
        return (self.base,) if self.run == self.base else (self.base, self.run)

    @property
    def required(self) -> tuple[str, ...]:
        """The folders that must exist, the base first."""
        return self.folders if self.is_explicit else (self.base,)


def environments(env: str | None, base_env: str | None, default_run_env: str | None) -> Environments:
    """Return what ``env`` selects; raises `InvalidEnvError` if it could lead elsewhere (Q-8)."""
    if env and not _ENV.fullmatch(env):
        raise InvalidEnvError(env)
    return Environments(base=base_env or "", run=env or default_run_env or "", is_explicit=bool(env))


Combine = Callable[[dict[Any, Any], dict[Any, Any]], dict[Any, Any]]


def combiner(strategy: str) -> Combine:
    """Return the function that lays one environment over another; raises `MergeStrategyError` (CFG-28, CFG-29)."""
    known: Mapping[str, Combine] = {"destructive": _replaced, "soft": with_environment}
    if strategy.lower() not in known:
        raise MergeStrategyError(strategy)
    return known[strategy.lower()]


def _replaced(below: dict[Any, Any], above: dict[Any, Any]) -> dict[Any, Any]:
    return mapping({**below, **above})


def combined(trees: Sequence[dict[Any, Any]], combine: Combine) -> dict[Any, Any]:
    """Return ``trees`` as one, each laid over those before it; a single one is returned itself."""
    return reduce(combine, trees) if trees else {}
