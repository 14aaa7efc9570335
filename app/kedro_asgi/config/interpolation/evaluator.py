"""Evaluating a configuration tree for one run: its deferred values, and the results so far."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeAlias, TypeVar, final

import msgspec

from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue, copy_tree
from kedro_asgi.errors import InterpolationResolutionError
from kedro_asgi.runs import RuntimeParams

Node: TypeAlias = "Deferred | DeferredDict | DeferredList | ConfigValue"
"""A part of a configuration tree. A plain ``dict`` or ``list`` in it holds no deferred value, at any depth."""

Tree: TypeAlias = "ConfigMapping | DeferredDict"
KeyPath: TypeAlias = "tuple[bool | int | float | str, ...]"

_A = TypeVar("_A")
_T = TypeVar("_T")
_String = TypeVar("_String", contravariant=True)


class TracedValue(msgspec.Struct, frozen=True, eq=False):
    """A value, which is never `Deferred`, and whether a value that the caller supplied had a part in it."""

    value: Node
    is_from_caller: bool


class RunDependentError(Exception):
    """The compiler's signal to itself: this has no value before a run. Never leaves this package."""


class Deferred:
    """Stands in a configuration tree for a value that must be evaluated. Hashed by identity.

    The compiler sets ``precomputed`` where the result depends neither on a run nor on values merged over the tree;
    nothing sets it later.
    """

    __slots__ = ("precomputed",)

    def __init__(self) -> None:
        self.precomputed: TracedValue | None = None

    def evaluate(self, evaluator: "Evaluator") -> TracedValue:
        """Return the value, which may be a tree with further deferred values in it."""
        raise NotImplementedError

    def recursion(self) -> InterpolationResolutionError:
        """Return the error for a value that refers to itself."""
        return InterpolationResolutionError("Recursive interpolation detected")


@final
class DeferredDict(dict[Any, Node]):
    """A mapping that holds deferred values; ``deferred_keys`` lead to them."""

    __slots__ = ("deferred_keys",)

    def __init__(self, items: Mapping[Any, Node], deferred_keys: Iterable[Any]) -> None:
        super().__init__(items)
        self.deferred_keys = tuple(deferred_keys)


@final
class DeferredList(list[Node]):
    """A list that holds deferred values."""


DEFERRED_TYPES: Final = (DeferredDict, DeferredList, Deferred)


def has_deferred(node: Node) -> bool:
    """Whether ``node`` is or holds a deferred value."""
    return isinstance(node, DEFERRED_TYPES)


def deferred_values(node: Node) -> list[Deferred]:
    """Return the deferred values in ``node``, but not those in their own values."""
    if isinstance(node, Deferred):
        return [node]
    if isinstance(node, DeferredDict):
        return [found for key in node.deferred_keys for found in deferred_values(node[key])]
    return [found for item in node for found in deferred_values(item)] if isinstance(node, DeferredList) else []


def make_dict(items: dict[Any, Node]) -> Tree:
    """Return ``items`` as a mapping of a configuration tree."""
    deferred_keys = [key for key, item in items.items() if has_deferred(item)]
    plain: dict[Any, Any] = items
    return DeferredDict(items, deferred_keys) if deferred_keys else plain


def make_list(items: list[Node]) -> Node:
    """Return ``items`` as a list of a configuration tree."""
    plain: list[Any] = items
    return DeferredList(items) if any(map(has_deferred, items)) else plain


def make_tuple(items: list[Node]) -> Node:
    """Return ``items`` as a tuple of a configuration tree."""
    plain: tuple[Any, ...] = tuple(items)
    return DeferredTuple(items) if any(map(has_deferred, items)) else plain


class Evaluable(Protocol[_String]):
    """An expression that can be evaluated for the string in which it stands."""

    def evaluate(self, evaluator: "Evaluator", string: _String) -> TracedValue:
        """Return the value of this expression."""
        ...


def is_any_from_caller(results: Iterable[TracedValue]) -> bool:
    """Whether the caller contributed to any of ``results``."""
    return any([result.is_from_caller for result in results])  # noqa: C419 - a list is faster here, and short


class DeferredTuple(Deferred):
    """A tuple that holds deferred values: a pair of ``!!omap``."""

    __slots__ = ("items",)

    def __init__(self, items: list[Node]) -> None:
        super().__init__()
        self.items = items

    def evaluate(self, evaluator: "Evaluator") -> TracedValue:
        results = [evaluator.evaluate(found) for item in self.items for found in deferred_values(item)]
        return TracedValue(tuple(map(evaluator.resolve_copy, self.items)), is_any_from_caller(results))


class Evaluator:
    """Evaluates deferred values for one run. Belongs to one thread and is discarded after the run.

    ``overlaid_roots`` holds a tree for each layer that the values of this run are merged over. Where there are any,
    ``precomputed`` results do not count: they belong to the trees without these values.
    """

    __slots__ = ("_active", "caller_tree", "memo", "overlaid_roots", "runtime")

    def __init__(self, runtime: RuntimeParams, overlaid_roots: Mapping[Any, Tree] | None = None) -> None:
        self.runtime = runtime
        self.overlaid_roots = overlaid_roots
        self.caller_tree: Tree | None = None
        self.memo: dict[Deferred, TracedValue] = {}
        self._active: set[Deferred] = set()

    def evaluate(self, deferred: Deferred) -> TracedValue:
        """Return the value of ``deferred``, evaluating it at most once; refuses cycles."""
        if deferred.precomputed is not None and self.overlaid_roots is None:
            return deferred.precomputed
        result = self.memo.get(deferred)
        if result is None:
            result = self.memo[deferred] = self.refusing_cycles(deferred, deferred.evaluate, self)
        return result

    def evaluate_all(self, expressions: Iterable[Evaluable[_String]], string: _String) -> list[TracedValue]:
        """Evaluate ``expressions``, which stand in ``string``."""
        return [expression.evaluate(self, string) for expression in expressions]

    def require_run(self) -> None:
        """Resolvers call this before they make a value that may differ between two runs."""

    def require_runtime_values(self) -> None:
        """Resolvers call this before they look at the values that the caller supplied."""

    def resolve_copy(self, node: Node) -> ConfigValue:
        """Return the value of a tree as a copy that the caller owns."""
        if type(node) is DeferredDict:
            return {key: self.resolve_copy(item) for key, item in node.items()}
        if type(node) is DeferredList:
            return [self.resolve_copy(item) for item in node]
        return self._resolve(node, self.resolve_copy) if isinstance(node, Deferred) else copy_tree(node)

    def resolve_view(self, node: Node) -> ConfigValue:
        """Return the value of a tree for reading only: parts without deferred values are the tree's own."""
        if type(node) is DeferredDict:
            return self.resolve_mapping_view(node)
        if type(node) is DeferredList:
            return [self.resolve_view(item) for item in node]
        return self._resolve(node, self.resolve_view) if isinstance(node, Deferred) else node

    def resolve_mapping_view(self, tree: Tree) -> ConfigMapping:
        """Return what `resolve_view` returns for a mapping."""
        if not isinstance(tree, DeferredDict):
            return tree
        view: dict[Any, Any] = dict(tree)
        for key in tree.deferred_keys:
            view[key] = self.resolve_view(view[key])
        return view

    def refusing_cycles(self, deferred: Deferred, function: Callable[[_A], _T], argument: _A) -> _T:
        """Return ``function(argument)``, called for ``deferred``; refuses a call within such a call: a cycle."""
        if deferred in self._active:
            raise deferred.recursion()
        self._active.add(deferred)
        try:
            return function(argument)
        finally:
            self._active.discard(deferred)

    def _resolve(self, deferred: Deferred, resolve: Callable[[Node], ConfigValue]) -> ConfigValue:
        value = self.evaluate(deferred).value
        if not isinstance(value, (DeferredDict, DeferredList)):
            return resolve(value)
        return self.refusing_cycles(deferred, resolve, value)
