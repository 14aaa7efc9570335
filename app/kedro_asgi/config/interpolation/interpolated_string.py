"""Interpolated strings at their places in a tree, and the tree they look references up in."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from kedro_asgi.config.interpolation.evaluator import Outcome, Path, Pending, Scope
from kedro_asgi.config.interpolation.key_paths import ABSENT, NO_INDEX, UNSET, child, is_found, write_path
from kedro_asgi.errors import (
    InterpolationError,
    InterpolationKeyError,
    InterpolationResolutionError,
    InterpolationToMissingValueError,
)

_E = TypeVar("_E", bound=InterpolationError)


class Origin(msgspec.Struct, frozen=True):
    """The file, and the line counted from 1, that an error message names."""

    file: str = ""
    line: int = 0


class Expression(Protocol):
    """A parsed piece of an interpolated string. Immutable; the same one may stand at several places."""

    def evaluate(self, scope: Scope, place: "Interpolated") -> Outcome:
        """Return the value of this expression, standing at ``place``."""
        ...

    def children(self) -> Sequence["Expression"]:
        """Return the expressions in it."""
        ...

    def rebuilt(self, children: Sequence["Expression"]) -> "Expression":
        """Return this expression with other ones in it."""
        ...


class Resolver(Protocol):
    """What a name before the colon in ``${name:arguments}`` stands for."""

    def __call__(self, scope: Scope, place: "Interpolated", arguments: Sequence[Outcome]) -> Outcome:
        """Return the value for the evaluated ``arguments``."""
        ...


class Layer:
    """The tree in which places look references up: one kind of configuration in one environment."""

    __slots__ = ("find_resolver", "root")

    def __init__(self, find_resolver: Callable[[str], Resolver | None]) -> None:
        self.root: Any = {}
        self.find_resolver = find_resolver

    def tree(self, scope: Scope) -> Any:
        """Return the tree as ``scope`` sees it."""
        return self.root if scope.roots is None else scope.roots.get(self, self.root)

    def lookup(self, scope: Scope, path: Path, place: "Interpolated", text: str) -> Outcome:
        """Return what is at ``path``; raises what CFG-42 says of a reference that leads nowhere."""
        node, is_tainted = follow(scope, self.tree(scope), path)
        if is_found(node):
            return node, is_tainted
        raise place.error(*_unfound(node, text))


def _unfound(node: Any, text: str) -> tuple[type[InterpolationResolutionError], str]:
    if node is ABSENT:
        return InterpolationKeyError, f"Interpolation key '{text}' not found"
    if node is UNSET:
        return InterpolationToMissingValueError, f"Missing mandatory value: {text}"
    reason = "an index into a list is not an int" if node is NO_INDEX else "part of it is not a container"
    return InterpolationResolutionError, f"'{text}' cannot be found: {reason}"


def follow(scope: Scope, node: Any, path: Path) -> Outcome:
    """Return what is at ``path`` below ``node``, or a constant of `paths` that says why nothing is."""
    is_tainted = False
    for key in path:
        node = child(node, key)
        if isinstance(node, Pending):
            node, tainted = scope.outcome(node)
            is_tainted = is_tainted or tainted
        elif not is_found(node):
            break
    return node, is_tainted


class Interpolated(Pending):
    """An interpolated string where it stands.

    ``expression`` is replaced while compiling by one in which all is done that can be done before a run.
    """

    __slots__ = ("expression", "layer", "origin", "path", "text")

    def __init__(self, expression: Expression, *, layer: Layer, path: Path, text: str, origin: Origin) -> None:
        super().__init__()
        self.expression = expression
        self.layer = layer
        self.path = path
        self.text = text
        self.origin = origin

    def __repr__(self) -> str:
        """As its text: this is how it shows inside a mapping that is written into a string (CFG-39)."""
        return repr(self.text)

    def evaluate(self, scope: Scope) -> Outcome:
        return self.expression.evaluate(scope, self)

    def rewritten(self, rewrite: Callable[[Expression], Expression]) -> "Interpolated":
        """Return a copy with another expression, standing at the same place."""
        return Interpolated(
            rewrite(self.expression), layer=self.layer, path=self.path, text=self.text, origin=self.origin
        )

    def error(self, kind: type[_E], problem: str) -> _E:
        """Return an error that says where this place is."""
        return kind(problem, full_key=write_path(self.path), file=self.origin.file, line=self.origin.line)

    def recursion(self) -> InterpolationResolutionError:
        return self.error(InterpolationResolutionError, "Recursive interpolation detected")
