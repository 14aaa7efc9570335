"""Interpolated strings where they stand in a tree, and the layer in which they look references up."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from kedro_asgi.config.interpolation.evaluator import Deferred, Evaluator, KeyPath, Node, TracedValue, Tree
from kedro_asgi.config.interpolation.key_paths import NotFound, format_path, get_child
from kedro_asgi.errors import InterpolationError, InterpolationResolutionError

_E = TypeVar("_E", bound=InterpolationError)


class SourceLocation(msgspec.Struct, frozen=True):
    """The file, and the line counted from 1, that an error message names."""

    file: str = ""
    line: int = 0


class Expression(msgspec.Struct, frozen=True, eq=False):
    """A parsed piece of an interpolated string. Immutable; several strings may share it."""

    def evaluate(self, evaluator: Evaluator, string: "InterpolatedString") -> TracedValue:
        """Return the value of this expression, which stands in ``string``."""
        raise NotImplementedError

    def children(self) -> Sequence["Expression"]:
        """Return the expressions in it."""
        return ()

    def with_children(self, children: Sequence["Expression"]) -> "Expression":
        """Return this expression with other expressions in it."""
        return self


class Resolver(Protocol):
    """The function that the name before the colon in ``${name:arguments}`` stands for."""

    def __call__(
        self, evaluator: Evaluator, string: "InterpolatedString", arguments: Sequence[TracedValue]
    ) -> TracedValue:
        """Return the value for the evaluated ``arguments``."""
        ...


FindResolver = Callable[[str], Resolver | None]


class Layer:
    """The tree in which strings look references up: one kind of configuration in one environment."""

    __slots__ = ("find_resolver", "root")

    def __init__(self, find_resolver: FindResolver) -> None:
        self.root: Tree = {}
        self.find_resolver = find_resolver

    def tree(self, evaluator: Evaluator) -> Tree:
        """Return the tree as ``evaluator`` sees it."""
        roots = evaluator.overlaid_roots
        return self.root if roots is None else roots.get(self, self.root)

    def look_up(self, evaluator: Evaluator, path: KeyPath, string: "InterpolatedString", text: str) -> TracedValue:
        """Return the value at ``path``; raises the error of a reference that leads nowhere."""
        node, is_from_caller = follow_path(evaluator, self.tree(evaluator), path)
        if isinstance(node, NotFound):
            raise string.error(node.kind, node.problem.format(text))
        return TracedValue(node, is_from_caller)


def follow_path(evaluator: Evaluator, node: Node, path: KeyPath) -> tuple["Node | NotFound", bool]:
    """Return the value at ``path`` below ``node``, or the reason why there is none."""
    is_from_caller = False
    for key in path:
        child = get_child(node, key)
        if isinstance(child, NotFound):
            return child, is_from_caller
        node = child
        if isinstance(node, Deferred):
            result = evaluator.evaluate(node)
            node, is_from_caller = result.value, is_from_caller or result.is_from_caller
    return node, is_from_caller


class InterpolatedString(Deferred):
    """A string with interpolations, where it stands.

    The compiler replaces ``expression`` by one in which everything is evaluated that needs no run.
    """

    __slots__ = ("expression", "layer", "location", "path", "text")

    def __init__(
        self, expression: Expression, *, layer: Layer, path: KeyPath, text: str, location: SourceLocation
    ) -> None:
        super().__init__()
        self.expression = expression
        self.layer = layer
        self.path = path
        self.text = text
        self.location = location

    def __repr__(self) -> str:
        """Show the text, as in a mapping that is joined into a string."""
        return repr(self.text)

    def evaluate(self, evaluator: Evaluator) -> TracedValue:
        return self.expression.evaluate(evaluator, self)

    def rewritten(self, rewrite: Callable[[Expression], Expression]) -> "InterpolatedString":
        """Return a copy with another expression, which stands where this one stands."""
        return InterpolatedString(
            rewrite(self.expression), layer=self.layer, path=self.path, text=self.text, location=self.location
        )

    def absolute(self, ups: int, keys: KeyPath) -> "KeyPath | None":
        """Return the path that is ``keys`` below the container ``ups`` up from this string; 0 means the root.

        ``None`` where it leads out of the configuration.
        """
        if not ups:
            return keys
        return None if ups > len(self.path) else self.path[:-ups] + keys

    def error(self, kind: type[_E], problem: str) -> _E:
        """Return an error that names the key, the file and the line of this string."""
        return kind(problem, full_key=format_path(self.path), file=self.location.file, line=self.location.line)

    def recursion(self) -> InterpolationResolutionError:
        return self.error(InterpolationResolutionError, "Recursive interpolation detected")
