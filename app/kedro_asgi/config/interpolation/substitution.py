"""Filling the placeholders of dataset factories into trees that hold interpolated strings (CAT-22)."""

from collections.abc import Iterator, Mapping

from kedro_asgi.config.interpolation.evaluator import Deferred, DeferredTuple, Node, make_dict, make_list, make_tuple
from kedro_asgi.config.interpolation.expressions import ComputedReference, DirectReference, Literal
from kedro_asgi.config.interpolation.interpolated import Expression, InterpolatedString
from kedro_asgi.config.interpolation.merging import DeferredMerge
from kedro_asgi.placeholders import fill_placeholders


def literal_texts(node: Node, seen: set[Deferred] | None = None) -> Iterator[str]:
    """Yield the texts that an author wrote as values, or as parts of them, at any depth of a compiled tree."""
    seen = set() if seen is None else seen
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for item in node.values():
            yield from literal_texts(item, seen)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from literal_texts(item, seen)
    elif isinstance(node, Deferred) and node not in seen:
        seen.add(node)
        yield from _deferred_texts(node, seen)


def _deferred_texts(deferred: Deferred, seen: set[Deferred]) -> Iterator[str]:
    if isinstance(deferred, DeferredMerge):
        yield from literal_texts(deferred.below, seen)
        yield from literal_texts(deferred.above, seen)
    elif isinstance(deferred, DeferredTuple):
        for item in deferred.items:
            yield from literal_texts(item, seen)
    elif isinstance(deferred, InterpolatedString):
        yield from _expression_texts(deferred.expression, seen)


def _expression_texts(expression: Expression, seen: set[Deferred]) -> Iterator[str]:
    if isinstance(expression, Literal):
        yield from literal_texts(expression.value, seen)
    elif isinstance(expression, DirectReference):
        yield from literal_texts(expression.target, seen)
    elif not isinstance(expression, ComputedReference):
        for child in expression.children():
            yield from _expression_texts(child, seen)


class Substitution:
    """Rewrites a compiled tree: it fills literal texts, and never the values that a run brings later."""

    def __init__(self, placeholders: Mapping[str, str]) -> None:
        self._placeholders = placeholders
        self._rewritten: dict[Deferred, Deferred] = {}

    def apply(self, node: Node) -> Node:
        """Return ``node`` with its literal texts filled in."""
        if isinstance(node, str):
            return fill_placeholders(node, self._placeholders)
        if isinstance(node, dict):
            return make_dict({key: self.apply(item) for key, item in node.items()})
        if isinstance(node, list):
            return make_list([self.apply(item) for item in node])
        if isinstance(node, tuple):
            return make_tuple([self.apply(item) for item in node])
        return self._rewrite(node) if isinstance(node, Deferred) else node

    def _rewrite(self, deferred: Deferred) -> Deferred:
        if deferred not in self._rewritten:
            self._rewritten[deferred] = self._copy(deferred)
        return self._rewritten[deferred]

    def _copy(self, deferred: Deferred) -> Deferred:
        if isinstance(deferred, DeferredMerge):
            return type(deferred)(self.apply(deferred.below), self.apply(deferred.above))
        if isinstance(deferred, DeferredTuple):
            return DeferredTuple([self.apply(item) for item in deferred.items])
        return deferred.rewritten(self._expression) if isinstance(deferred, InterpolatedString) else deferred

    def _expression(self, expression: Expression) -> Expression:
        if isinstance(expression, Literal):
            return Literal(self.apply(expression.value))
        if isinstance(expression, DirectReference):
            target = self._rewrite(expression.target)
            return DirectReference(target) if isinstance(target, InterpolatedString) else expression
        if isinstance(expression, ComputedReference):
            return expression
        return expression.with_children([self._expression(child) for child in expression.children()])
