"""One evaluation of interpolated places: what a run brings, what has been found so far, what is under way."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from kedro_asgi.errors import InterpolationResolutionError
from kedro_asgi.runs import RuntimeParams

Outcome = tuple[Any, bool]
"""A value, and whether a value that the caller supplied had a part in it."""

Path = tuple[Any, ...]

_T = TypeVar("_T")


class RunDependentError(Exception):
    """Signal of the compiler to itself: this has no value before a run. Never leaves this package."""


class OpenDict(dict[Any, Any]):
    """A mapping with places to be evaluated in it; ``open`` are the keys that lead to them.

    A plain ``dict`` or ``list`` in a configuration tree has none, at any depth.
    """

    __slots__ = ("open",)

    def __init__(self, items: Mapping[Any, Any], open_: Iterable[Any]) -> None:
        super().__init__(items)
        self.open = tuple(open_)


class OpenList(list[Any]):
    """A list with places to be evaluated in it."""


class Pending:
    """What stands in a configuration tree for a value that has to be evaluated. Hashed by identity.

    ``settled`` is its outcome where that depends neither on a run nor on values laid over the tree; it is written
    while compiling, never later.
    """

    __slots__ = ("settled",)

    def __init__(self) -> None:
        self.settled: Outcome | None = None

    def evaluate(self, scope: "Scope") -> Outcome:
        """Return the value, which may be a tree with further places in it, but is never one itself."""
        raise NotImplementedError

    def recursion(self) -> InterpolationResolutionError:
        """Return the error that says that this place leads to itself."""
        raise NotImplementedError


class Evaluated(Protocol):
    """An expression as the scope sees it."""

    def evaluate(self, scope: "Scope", place: Any) -> Outcome:
        """Return the value of this expression, standing at ``place``."""
        ...


def is_any_tainted(outcomes: Iterable[Outcome]) -> bool:
    """Whether the caller contributed to any of ``outcomes``."""
    return any([is_tainted for _, is_tainted in outcomes])  # noqa: C419 - a list is faster here, and short


def copied(value: Any) -> Any:
    """Return a copy of a tree without places; what is neither ``dict`` nor ``list`` is not copied."""
    kind = type(value)
    if kind is dict:
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if kind is list else value


class Scope:
    """Evaluates places for one run; belongs to one thread and is thrown away afterwards.

    ``roots`` are trees to look references up in, for layers that this run lays values over. With any,
    ``settled`` outcomes do not count: they were found in the tree as it is without them.
    """

    __slots__ = ("_active", "found", "roots", "runtime", "supplied")

    def __init__(self, runtime: RuntimeParams, roots: Mapping[Any, Any] | None = None) -> None:
        self.runtime = runtime
        self.roots = roots
        self.supplied: Any = None
        self.found: dict[Pending, Outcome] = {}
        self._active: set[Pending] = set()

    def outcome(self, pending: Pending) -> Outcome:
        """Return what ``pending`` evaluates to, evaluating it at most once; refuses cycles."""
        if pending.settled is not None and self.roots is None:
            return pending.settled
        found = self.found.get(pending)
        if found is None:
            found = self.found[pending] = self._evaluate(pending)
        return found

    def each(self, expressions: Iterable[Evaluated], place: Any) -> list[Outcome]:
        """Evaluate all ``expressions``."""
        return [expression.evaluate(self, place) for expression in expressions]

    def volatile(self) -> None:
        """Announce a value that may be another one in the next run."""

    def runtime_values(self) -> Mapping[str, Any]:
        """Return the values that the caller supplied."""
        return self.runtime.values

    def _evaluate(self, pending: Pending) -> Outcome:
        if pending in self._active:
            raise pending.recursion()
        self._active.add(pending)
        try:
            return pending.evaluate(self)
        finally:
            self._active.discard(pending)

    # --- from outcomes to values ---

    def fresh(self, node: Any) -> Any:
        """Return the value of a tree, every place evaluated, as a copy that the caller owns."""
        if type(node) is OpenDict:
            return {key: self.fresh(item) for key, item in node.items()}
        if type(node) is OpenList:
            return [self.fresh(item) for item in node]
        return self._expanded(node, self.fresh) if isinstance(node, Pending) else copied(node)

    def shared(self, node: Any) -> Any:
        """Return the value of a tree for reading only: parts without places are the tree's own."""
        if type(node) is OpenDict:
            tree = dict(node)
            for key in node.open:
                tree[key] = self.shared(tree[key])
            return tree
        if type(node) is OpenList:
            return [self.shared(item) for item in node]
        return self._expanded(node, self.shared) if isinstance(node, Pending) else node

    def _expanded(self, pending: Pending, expand: Callable[[Any], Any]) -> Any:
        value, _ = self.outcome(pending)
        return self.expanding(pending, value, expand) if isinstance(value, (OpenDict, OpenList)) else expand(value)

    def expanding(self, pending: Pending, value: Any, expand: Callable[[Any], _T]) -> _T:
        """Return ``expand(value)``; refuses a place whose value holds the place again, an endless tree."""
        if pending in self._active:
            raise pending.recursion()
        self._active.add(pending)
        try:
            return expand(value)
        finally:
            self._active.discard(pending)
