"""Evaluating once, while compiling, everything that needs no run."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TypeVar

from kedro_asgi.config.interpolation.evaluator import (
    Deferred,
    DeferredDict,
    DeferredList,
    Evaluable,
    Evaluator,
    Node,
    RunDependentError,
    TracedValue,
    Tree,
    make_dict,
    make_list,
)
from kedro_asgi.config.interpolation.expressions import DirectReference, Literal, Reference
from kedro_asgi.config.interpolation.interpolated import Expression, InterpolatedString
from kedro_asgi.errors import ConfigError
from kedro_asgi.runs import RuntimeParams

_String = TypeVar("_String")


class CompileTimeEvaluator(Evaluator):
    """An evaluator without a run: a value that needs one raises `RunDependentError`."""

    __slots__ = ("_run_dependent",)

    def __init__(self) -> None:
        super().__init__(RuntimeParams())
        self._run_dependent: set[Deferred] = set()

    def evaluate(self, deferred: Deferred) -> TracedValue:
        if deferred in self._run_dependent:
            raise RunDependentError
        try:
            return super().evaluate(deferred)
        except RunDependentError:
            self._run_dependent.add(deferred)
            raise

    def evaluate_all(self, expressions: Iterable[Evaluable[_String]], string: _String) -> list[TracedValue]:
        """Evaluate all, also behind one that needs a run, so that no error hides there."""
        results, is_run_dependent = [], False
        for expression in expressions:
            try:
                results.append(expression.evaluate(self, string))
            except RunDependentError:
                is_run_dependent = True
        if is_run_dependent:
            raise RunDependentError
        return results

    def require_run(self) -> None:
        raise RunDependentError

    def require_runtime_values(self) -> None:
        raise RunDependentError


class DefaultsEvaluator(CompileTimeEvaluator):
    """An evaluator of a run whose caller supplies no values."""

    __slots__ = ()

    def require_runtime_values(self) -> None:
        pass

    def try_evaluate(self, deferred: Deferred) -> None:
        """Evaluate ``deferred`` if that needs no run."""
        with suppress(ConfigError, RunDependentError):
            self.evaluate(deferred)

    def store_results(self) -> None:
        """Make everything that was evaluated the precomputed result of its deferred value."""
        for deferred, result in self.memo.items():
            deferred.precomputed = result


class PartialEvaluator:
    """Replaces the parts of trees that need no run by their values, and simplifies the strings that need one.

    Without the simplification, a run of ten nodes over a catalog whose paths go through three references takes 30 %
    longer (`benchmarks/bench_runtime_interpolation.py`). It also shows which texts are the author's: `Template` fills
    placeholders in them, and never in the values of a run.
    """

    def __init__(self) -> None:
        self._evaluator = CompileTimeEvaluator()
        self._evaluated: dict[Deferred, Node] = {}
        self._active: set[Deferred] = set()

    def evaluate_tree(self, tree: Tree) -> Tree:
        """Return ``tree`` as far as it can be evaluated; raises the errors that every run would raise."""
        if not isinstance(tree, DeferredDict):
            return tree
        return make_dict({key: self.evaluate(item) for key, item in tree.items()})

    def evaluate(self, node: Node) -> Node:
        """Return what `evaluate_tree` returns, for a part of a tree."""
        if isinstance(node, DeferredDict):
            return self.evaluate_tree(node)
        if isinstance(node, DeferredList):
            return make_list([self.evaluate(item) for item in node])
        return self._evaluate_deferred(node) if isinstance(node, Deferred) else node

    def _evaluate_deferred(self, deferred: Deferred) -> Node:
        if deferred in self._active:
            raise deferred.recursion()
        if deferred not in self._evaluated:
            self._active.add(deferred)
            self._evaluated[deferred] = self._value(deferred)
            self._active.discard(deferred)
        return self._evaluated[deferred]

    def _value(self, deferred: Deferred) -> Node:
        try:
            deferred.precomputed = self._evaluator.evaluate(deferred)
        except RunDependentError:
            if isinstance(deferred, InterpolatedString):
                deferred.expression = self._simplify(deferred.expression, deferred)
            return deferred
        return self.evaluate(deferred.precomputed.value)

    def _simplify(self, expression: Expression, string: InterpolatedString) -> Expression:
        children = [self._simplify(child, string) for child in expression.children()]
        expression = expression.with_children(children)
        try:
            return Literal(expression.evaluate(self._evaluator, string).value)
        except RunDependentError:
            return self._direct(expression, string) if isinstance(expression, Reference) else expression

    def _direct(self, reference: Reference, string: InterpolatedString) -> Expression:
        target = reference.target(self._evaluator, string)
        return DirectReference(target) if isinstance(target, InterpolatedString) else reference
