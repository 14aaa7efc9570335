"""One top-level value of a configuration, compiled."""

from collections.abc import Iterator, Mapping

from kedro_asgi.config.interpolation.caller_values import resolve_restricted
from kedro_asgi.config.interpolation.evaluator import DEFERRED_TYPES, Deferred, Evaluator, Node, has_deferred
from kedro_asgi.config.interpolation.expressions import DirectReference, Join
from kedro_asgi.config.interpolation.interpolated import Expression, InterpolatedString
from kedro_asgi.config.interpolation.substitution import Substitution, literal_texts
from kedro_asgi.configuration_tree import ConfigValue, copy_tree
from kedro_asgi.reserved_names import CLASS_KEYS
from kedro_asgi.runs import RuntimeParams


class Template:
    """A constant, or a tree with values that depend on a run. Immutable.

    ``is_static``: no value depends on a run. ``selects_type``: a value that does could decide the class of a dataset;
    so could every value that may turn out to be a mapping.
    """

    __slots__ = ("_node", "_restricts_callers", "is_static", "name", "selects_type")

    def __init__(self, name: str, node: Node, *, restricts_callers: bool) -> None:
        self.name = name
        self._node = node
        self._restricts_callers = restricts_callers
        self.is_static = not has_deferred(node)
        self.selects_type = _may_select_type(node)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def resolve(self, runtime: RuntimeParams) -> ConfigValue:
        """Return the value for one run, as a tree that the caller owns.

        Raises `InterpolationError`; with ``runtime.restrict_type_selection`` also for a catalog entry in which a
        supplied value has a part in a ``type``.
        """
        if isinstance(self._node, DEFERRED_TYPES):
            return self.evaluate(Evaluator(runtime))
        return copy_tree(self._node)

    def evaluate(self, evaluator: Evaluator) -> ConfigValue:
        """Return what `resolve` returns, for a run that evaluates several templates with one evaluator."""
        runtime = evaluator.runtime
        if self._restricts_callers and runtime.restrict_type_selection and runtime.values:
            return resolve_restricted(evaluator, self.name, self._node)
        return evaluator.resolve_copy(self._node)

    def texts(self) -> Iterator[str]:
        """Yield every literal text among the values, the literal parts of interpolated strings included."""
        return literal_texts(self._node)

    def substitute(self, placeholders: Mapping[str, str]) -> "Template":
        """Return a template whose literal texts have their ``{placeholders}`` filled in.

        Raises `StrayBraceError`, a ``ValueError``. Values that a run brings are never filled.
        """
        return Template(
            self.name, Substitution(placeholders).apply(self._node), restricts_callers=self._restricts_callers
        )


def _may_select_type(node: Node) -> bool:
    """Whether a deferred value in ``node`` could be, or could hold, a ``type`` or a ``validator``."""
    if isinstance(node, Deferred):
        return not isinstance(node, InterpolatedString) or not _is_text(node.expression)
    if isinstance(node, dict):
        return any(_may_select_type(item) or (key in CLASS_KEYS and has_deferred(item)) for key, item in node.items())
    return isinstance(node, list) and any(map(_may_select_type, node))


def _is_text(expression: Expression) -> bool:
    if isinstance(expression, DirectReference):
        return _is_text(expression.target.expression)
    return isinstance(expression, Join)
