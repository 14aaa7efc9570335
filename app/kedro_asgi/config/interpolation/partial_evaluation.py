"""Doing all the evaluation that does not need a run, once (compile time)."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from kedro_asgi.config.interpolation.evaluator import (
    Evaluated,
    OpenDict,
    OpenList,
    Outcome,
    Pending,
    RunDependentError,
    Scope,
)
from kedro_asgi.config.interpolation.expressions import Follow, Literal, Reference
from kedro_asgi.config.interpolation.interpolated_string import Expression, Interpolated
from kedro_asgi.config.interpolation.merging import mapping, sequence
from kedro_asgi.errors import ConfigError
from kedro_asgi.runs import RuntimeParams


class FoldingScope(Scope):
    """A scope without a run: whatever would ask one raises `RunDependentError`."""

    __slots__ = ("_dependent",)

    def __init__(self) -> None:
        super().__init__(RuntimeParams())
        self._dependent: set[Pending] = set()

    def outcome(self, pending: Pending) -> Outcome:
        if pending in self._dependent:
            raise RunDependentError
        try:
            return super().outcome(pending)
        except RunDependentError:
            self._dependent.add(pending)
            raise

    def each(self, expressions: Iterable[Evaluated], place: Any) -> list[Outcome]:
        """Evaluate all, also behind one that depends on a run: an error does not hide there."""
        outcomes, is_dependent = [], False
        for expression in expressions:
            try:
                outcomes.append(expression.evaluate(self, place))
            except RunDependentError:
                is_dependent = True
        if is_dependent:
            raise RunDependentError
        return outcomes

    def volatile(self) -> None:
        raise RunDependentError

    def runtime_values(self) -> Mapping[str, Any]:
        raise RunDependentError


class BaselineScope(FoldingScope):
    """A scope of a run whose caller supplies nothing."""

    __slots__ = ()

    def runtime_values(self) -> Mapping[str, Any]:
        return {}

    def attempt(self, pending: Pending) -> None:
        """Evaluate ``pending`` if that can be done without a run."""
        with suppress(ConfigError, RunDependentError):
            self.outcome(pending)

    def settle(self) -> None:
        """Let all that was evaluated be settled."""
        for pending, outcome in self.found.items():
            pending.settled = outcome


class Folder:
    """Folds trees: what depends on no run becomes its value, what does is left as a place that does the rest."""

    def __init__(self) -> None:
        self._scope = FoldingScope()
        self._folded: dict[Pending, Any] = {}
        self._expanding: set[Pending] = set()

    def fold(self, node: Any) -> Any:
        """Return ``node`` folded; raises the errors that every run would raise."""
        if isinstance(node, OpenDict):
            return mapping({key: self.fold(item) for key, item in node.items()})
        if isinstance(node, OpenList):
            return sequence([self.fold(item) for item in node])
        return self._pending(node) if isinstance(node, Pending) else node

    def _pending(self, pending: Pending) -> Any:
        if pending in self._expanding:
            raise pending.recursion()
        if pending not in self._folded:
            self._expanding.add(pending)
            self._folded[pending] = self._value(pending)
            self._expanding.discard(pending)
        return self._folded[pending]

    def _value(self, pending: Pending) -> Any:
        try:
            pending.settled = self._scope.outcome(pending)
        except RunDependentError:
            if isinstance(pending, Interpolated):
                pending.expression = self._specialised(pending.expression, pending)
            return pending
        return self.fold(pending.settled[0])

    def _specialised(self, expression: Expression, place: Interpolated) -> Expression:
        """Partial evaluation: the parts of ``expression`` that have a value become literals."""
        children = [self._specialised(child, place) for child in expression.children()]
        expression = expression.rebuilt(children)
        try:
            return Literal(expression.evaluate(self._scope, place)[0])
        except RunDependentError:
            return self._followed(expression, place) if isinstance(expression, Reference) else expression

    def _followed(self, reference: Reference, place: Interpolated) -> Expression:
        target = reference.target(self._scope, place)
        return Follow(target) if isinstance(target, Interpolated) else reference
