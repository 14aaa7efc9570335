"""Merging one tree over another: mappings merge, every other value replaces. Neither tree changes."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from kedro_asgi.config.interpolation.evaluator import (
    Deferred,
    DeferredDict,
    Evaluator,
    Node,
    TracedValue,
    Tree,
    has_deferred,
    make_dict,
)
from kedro_asgi.config.interpolation.key_paths import ABSENT, UNSET_TEXT, NotFound
from kedro_asgi.errors import ConfigError, MergeStrategyError

Merge = Callable[[Tree, Tree], Tree]


def merge_runtime(below: Tree, above: Tree) -> Tree:
    """Merge the caller's values over a tree; the cost is that of these values and their siblings."""
    return _merge(below, above, RuntimeMerge)


def merge_environment(below: Tree, above: Tree) -> Tree:
    """Merge one environment softly over another."""
    return _merge(below, above, EnvironmentMerge)


def merge_function(strategy: str) -> Merge:
    """Return the function that merges environments; raises `MergeStrategyError` (CFG-28)."""
    known: Mapping[str, Merge] = {"destructive": _replace, "soft": merge_environment}
    if strategy.lower() not in known:
        raise MergeStrategyError(strategy)
    return known[strategy.lower()]


def merge_all(trees: Sequence[Tree], merge: Merge) -> Tree:
    """Return ``trees`` as one, each merged over those before it; a single tree is returned as it is."""
    return reduce(merge, trees) if trees else {}


def _replace(below: Tree, above: Tree) -> Tree:
    merged: dict[Any, Any] = {**below, **above}
    return make_dict(merged)


def _merge(below: Tree, above: Tree, kind: type["DeferredMerge"]) -> Tree:
    changed = {key: kind.merge(below.get(key, ABSENT), value) for key, value in above.items()}
    keys_below = below.deferred_keys if isinstance(below, DeferredDict) else ()
    deferred_keys = [key for key in keys_below if key not in changed]
    deferred_keys += [key for key, value in changed.items() if has_deferred(value)]
    merged: dict[Any, Any] = DeferredDict(below, deferred_keys) if deferred_keys else dict(below)
    merged.update(changed)
    return merged


class DeferredMerge(Deferred):
    """A value over one that must be evaluated before it is known whether both are mappings."""

    __slots__ = ("above", "below")

    def __init__(self, below: Node, above: Node) -> None:
        super().__init__()
        self.below = below
        self.above = above

    @classmethod
    def merge(cls, below: "Node | NotFound", above: Node) -> Node:
        """Return ``above`` merged over ``below``."""
        if isinstance(below, NotFound):
            return above
        if isinstance(above, dict) and isinstance(below, dict):
            return _merge(below, above, cls)
        return cls(below, above) if cls.needs_evaluation(below, above) else above

    @staticmethod
    def needs_evaluation(below: Node, above: Node) -> bool:
        """Whether the result of a merge is known only after an evaluation."""
        return isinstance(below, Deferred) and isinstance(above, dict)

    def evaluate(self, evaluator: Evaluator) -> TracedValue:
        above = _evaluate(evaluator, self.above)
        if not isinstance(above.value, dict):
            return above
        below = self.evaluate_below(evaluator)
        if not isinstance(below.value, dict):
            return above
        merged = _merge(below.value, above.value, type(self))
        return TracedValue(merged, above.is_from_caller or below.is_from_caller)

    def evaluate_below(self, evaluator: Evaluator) -> TracedValue:
        """Return the value of ``below``."""
        return _evaluate(evaluator, self.below)


class RuntimeMerge(DeferredMerge):
    """A value of the caller over a deferred value; it replaces one that cannot be evaluated."""

    __slots__ = ()

    def evaluate_below(self, evaluator: Evaluator) -> TracedValue:
        try:
            return _evaluate(evaluator, self.below)
        except ConfigError:
            return TracedValue(None, is_from_caller=False)


class EnvironmentMerge(DeferredMerge):
    """A deferred value of one environment over one or a mapping of another environment, or a mapping over one.

    ``???`` marks a value that must still be given; it replaces no value that exists.
    """

    __slots__ = ()

    @classmethod
    def merge(cls, below: "Node | NotFound", above: Node) -> Node:
        is_unset = isinstance(above, str) and above == UNSET_TEXT
        return below if is_unset and not isinstance(below, NotFound) else super().merge(below, above)

    @staticmethod
    def needs_evaluation(below: Node, above: Node) -> bool:
        is_any_deferred = isinstance(below, Deferred) or isinstance(above, Deferred)
        return is_any_deferred and isinstance(below, (dict, Deferred)) and isinstance(above, (dict, Deferred))


def _evaluate(evaluator: Evaluator, node: Node) -> TracedValue:
    return evaluator.evaluate(node) if isinstance(node, Deferred) else TracedValue(node, is_from_caller=False)
