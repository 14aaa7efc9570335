"""Laying one tree over another: mappings merge, everything else replaces. Neither tree changes."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from kedro_asgi.config.interpolation.evaluator import OpenDict, OpenList, Outcome, Pending, Scope
from kedro_asgi.config.interpolation.key_paths import ABSENT, MISSING
from kedro_asgi.errors import ConfigError, InterpolationResolutionError, MergeStrategyError


def is_open(node: Any) -> bool:
    """Whether there are places to be evaluated in ``node``."""
    return isinstance(node, (OpenDict, OpenList, Pending))


def mapping(items: dict[Any, Any]) -> dict[Any, Any]:
    """Return ``items`` as a mapping of a configuration tree."""
    open_ = [key for key, item in items.items() if is_open(item)]
    return OpenDict(items, open_) if open_ else items


def sequence(items: list[Any]) -> list[Any]:
    """Return ``items`` as a list of a configuration tree."""
    return OpenList(items) if any(map(is_open, items)) else items


def with_runtime(below: dict[Any, Any], above: dict[Any, Any]) -> dict[Any, Any]:
    """Lay the caller's values over a tree (CFG-31); costs what the caller's values and their siblings cost."""
    return _merged(below, above, ValueOver)


def with_environment(below: dict[Any, Any], above: dict[Any, Any]) -> dict[Any, Any]:
    """Lay one environment softly over another (CFG-29)."""
    return _merged(below, above, TreeOver)


def _merged(below: dict[Any, Any], above: dict[Any, Any], over: type["Over"]) -> dict[Any, Any]:
    changed = {key: over.laid(below.get(key, ABSENT), value) for key, value in above.items()}
    open_ = [key for key in below.open if key not in changed] if isinstance(below, OpenDict) else []
    open_ += [key for key, value in changed.items() if is_open(value)]
    merged = OpenDict(below, open_) if open_ else dict(below)
    merged.update(changed)
    return merged


class Over(Pending):
    """A value over one that has to be evaluated before it is known whether they are both mappings."""

    __slots__ = ("above", "below")

    def __init__(self, below: Any, above: Any) -> None:
        super().__init__()
        self.below = below
        self.above = above

    @classmethod
    def laid(cls, below: Any, above: Any) -> Any:
        """Return ``above`` laid over ``below``."""
        if isinstance(above, dict) and isinstance(below, dict):
            return _merged(below, above, cls)
        return cls(below, above) if cls.is_undecided(below, above) else above

    @staticmethod
    def is_undecided(below: Any, above: Any) -> bool:
        """Whether it takes an evaluation to know what ``above`` over ``below`` is."""
        return isinstance(below, Pending) and isinstance(above, dict)

    def evaluate(self, scope: Scope) -> Outcome:
        above, above_tainted = _outcome(scope, self.above)
        if not isinstance(above, dict):
            return above, above_tainted
        below, below_tainted = self.outcome_below(scope)
        if not isinstance(below, dict):
            return above, above_tainted
        return _merged(below, above, type(self)), above_tainted or below_tainted

    def outcome_below(self, scope: Scope) -> Outcome:
        """Return what ``below`` evaluates to."""
        return _outcome(scope, self.below)

    def recursion(self) -> InterpolationResolutionError:
        return InterpolationResolutionError("Recursive interpolation detected")


class ValueOver(Over):
    """A value of the caller over a place; a place that has no value is replaced."""

    __slots__ = ()

    def outcome_below(self, scope: Scope) -> Outcome:
        try:
            return _outcome(scope, self.below)
        except ConfigError:
            return None, False


class TreeOver(Over):
    """A place of one environment over a place or a mapping of another, or a mapping over a place.

    ``???`` says that a value is still to be given; it replaces none that is there.
    """

    __slots__ = ()

    @classmethod
    def laid(cls, below: Any, above: Any) -> Any:
        is_unset = isinstance(above, str) and above == MISSING and below is not ABSENT
        return below if is_unset else super().laid(below, above)

    @staticmethod
    def is_undecided(below: Any, above: Any) -> bool:
        pending = isinstance(below, Pending) or isinstance(above, Pending)
        return pending and isinstance(below, (dict, Pending)) and isinstance(above, (dict, Pending))


def _outcome(scope: Scope, node: Any) -> Outcome:
    return scope.outcome(node) if isinstance(node, Pending) else (node, False)


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
