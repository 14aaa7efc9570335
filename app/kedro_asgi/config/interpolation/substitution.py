"""Filling the placeholders of dataset factories into trees with places (CAT-22)."""

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_asgi.config.interpolation.evaluator import Pending
from kedro_asgi.config.interpolation.expressions import ComputedReference, Follow, Literal
from kedro_asgi.config.interpolation.interpolated_string import Expression, Interpolated
from kedro_asgi.config.interpolation.merging import Over, mapping, sequence
from kedro_asgi.placeholders import filled


def literal_texts(node: Any, seen: set[Pending] | None = None) -> Iterator[str]:
    """Yield the texts that an author wrote as values, or as parts of them, at any depth of a folded tree."""
    seen = set() if seen is None else seen
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for item in node.values():
            yield from literal_texts(item, seen)
    elif isinstance(node, list):
        for item in node:
            yield from literal_texts(item, seen)
    elif isinstance(node, Pending) and node not in seen:
        seen.add(node)
        yield from _pending_texts(node, seen)


def _pending_texts(pending: Pending, seen: set[Pending]) -> Iterator[str]:
    if isinstance(pending, Over):
        yield from literal_texts(pending.below, seen)
        yield from literal_texts(pending.above, seen)
    elif isinstance(pending, Interpolated):
        yield from _expression_texts(pending.expression, seen)


def _expression_texts(expression: Expression, seen: set[Pending]) -> Iterator[str]:
    if isinstance(expression, Literal):
        yield from literal_texts(expression.value, seen)
    elif isinstance(expression, Follow):
        yield from literal_texts(expression.target, seen)
    elif not isinstance(expression, ComputedReference):
        for child in expression.children():
            yield from _expression_texts(child, seen)


class Substitution:
    """Rewrites a folded tree: literal texts are filled in, what a run brings in later never is."""

    def __init__(self, placeholders: Mapping[str, str]) -> None:
        self._placeholders = placeholders
        self._rewritten: dict[Pending, Pending] = {}

    def tree(self, node: Any) -> Any:
        """Return ``node`` with its literal texts filled in."""
        if isinstance(node, str):
            return filled(node, self._placeholders)
        if isinstance(node, dict):
            return mapping({key: self.tree(item) for key, item in node.items()})
        if isinstance(node, list):
            return sequence([self.tree(item) for item in node])
        return self._pending(node) if isinstance(node, Pending) else node

    def _pending(self, pending: Pending) -> Pending:
        if pending not in self._rewritten:
            self._rewritten[pending] = self._copy(pending)
        return self._rewritten[pending]

    def _copy(self, pending: Pending) -> Pending:
        if isinstance(pending, Over):
            return type(pending)(self.tree(pending.below), self.tree(pending.above))
        return pending.rewritten(self._expression) if isinstance(pending, Interpolated) else pending

    def _expression(self, expression: Expression) -> Expression:
        if isinstance(expression, Literal):
            return Literal(self.tree(expression.value))
        if isinstance(expression, Follow):
            target = self._pending(expression.target)
            return Follow(target) if isinstance(target, Interpolated) else expression
        if isinstance(expression, ComputedReference):
            return expression
        return expression.rebuilt([self._expression(child) for child in expression.children()])
