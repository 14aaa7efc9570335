"""One top-level value of a configuration, compiled."""

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_asgi.config.interpolation.caller_values import guarded
from kedro_asgi.config.interpolation.evaluator import Pending, Scope, copied
from kedro_asgi.config.interpolation.expressions import Follow, Join
from kedro_asgi.config.interpolation.interpolated_string import Expression, Interpolated
from kedro_asgi.config.interpolation.merging import is_open
from kedro_asgi.config.interpolation.substitution import Substitution, literal_texts
from kedro_asgi.runs import RuntimeParams


class Template:
    """A constant, or a tree with places that depend on a run. Immutable.

    ``is_static``: no place depends on a run. ``selects_type``: one that does could decide which class a dataset
    has; said of every place whose value may be a mapping.
    """

    __slots__ = ("_is_guarded", "_node", "is_static", "name", "selects_type")

    def __init__(self, name: str, node: Any, *, is_guarded: bool) -> None:
        self.name = name
        self._node = node
        self._is_guarded = is_guarded
        self.is_static = not is_open(node)
        self.selects_type = may_select_type(node)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def resolve(self, runtime: RuntimeParams) -> Any:
        """Return the value for one run, as a tree that the caller owns.

        Raises `InterpolationError`; with ``runtime.restrict_type_selection`` also for an entry of the catalog in
        which a supplied value has a part in a ``type`` (CFG-56).
        """
        return copied(self._node) if self.is_static else self.evaluate(Scope(runtime))

    def evaluate(self, scope: Scope) -> Any:
        """Do what `resolve` does, for a run that evaluates further templates in the same scope."""
        if self._is_guarded and scope.runtime.restrict_type_selection and scope.runtime.values:
            return guarded(scope, self.name, self._node)
        return scope.fresh(self._node)

    def texts(self) -> Iterator[str]:
        """Yield every literal text among the values, the literal parts of interpolated strings included."""
        return literal_texts(self._node)

    def substitute(self, placeholders: Mapping[str, str]) -> "Template":
        """Return a template whose literal texts have their ``{placeholders}`` filled in (CAT-22).

        Raises `StrayBraceError`, a ``ValueError``. What only a run brings in is never filled.
        """
        return Template(self.name, Substitution(placeholders).tree(self._node), is_guarded=self._is_guarded)


def may_select_type(node: Any) -> bool:
    """Whether a place in ``node`` could decide a ``type`` or a ``validator``: it is one, or holds one, or may."""
    if isinstance(node, Pending):
        return not isinstance(node, Interpolated) or not _is_text(node.expression)
    if not is_open(node):
        return False
    if isinstance(node, dict):
        return any(
            may_select_type(item) or (key in ("type", "dataset", "validator") and is_open(item))
            for key, item in node.items()
        )
    return any(map(may_select_type, node))


def _is_text(expression: Expression) -> bool:
    if isinstance(expression, Follow):
        return _is_text(expression.target.expression)
    return isinstance(expression, Join)
