"""What interpolated strings are made of (CFG-38..41)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from kedro_asgi.config.interpolation.evaluator import Outcome, Path, RunDependentError, Scope, is_any_tainted
from kedro_asgi.config.interpolation.interpolated_string import Expression, Interpolated
from kedro_asgi.config.interpolation.key_paths import child, parse_path
from kedro_asgi.config.interpolation.merging import is_open, mapping, sequence
from kedro_asgi.errors import (
    ConfigError,
    InterpolationKeyError,
    InterpolationResolutionError,
    UnsupportedInterpolationType,
)


class Node(msgspec.Struct, frozen=True, eq=False):
    """Base of the expressions; an expression without others in it need only evaluate."""

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        raise NotImplementedError

    def children(self) -> Sequence[Expression]:
        return ()

    def rebuilt(self, children: Sequence[Expression]) -> Expression:
        return self


class Literal(Node, frozen=True, eq=False):
    """A value that is known: a text, a number, or a tree that was found while compiling."""

    value: Any

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        return self.value, False


class Join(Node, frozen=True, eq=False):
    """Pieces that make up one text."""

    parts: Sequence[Expression]

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        outcomes = scope.each(self.parts, place)
        return "".join([str(value) for value, _ in outcomes]), is_any_tainted(outcomes)

    def children(self) -> Sequence[Expression]:
        return self.parts

    def rebuilt(self, children: Sequence[Expression]) -> Expression:
        return text_of(children)


def text_of(pieces: Sequence[Expression]) -> Expression:
    """Return ``pieces`` as one text, what is known of it in as few literals as can be."""
    joined: list[Expression] = []
    known = ""
    for piece in (*pieces, None):
        if isinstance(piece, Literal):
            known += str(piece.value)
            continue
        if known:
            joined.append(Literal(known))
        if piece is not None:
            joined.append(piece)
        known = ""
    if len(joined) == 1 and isinstance(joined[0], Literal):
        return joined[0]
    return Join(joined) if joined else Literal("")


class Reference(Node, frozen=True, eq=False):
    """A path to another value: from the root of the tree, or ``ups`` containers up from where it stands."""

    ups: int
    keys: tuple[str, ...]
    text: str

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        path = self._path(place)
        value, tainted = place.layer.lookup(scope, path, place, self.text)
        if is_open(value) and _leads_to(path, place):
            raise place.error(InterpolationResolutionError, "Interpolation to parent node detected")
        return value, tainted

    def target(self, scope: Scope, place: Interpolated) -> Any:
        """Return what stands where this reference leads, unevaluated."""
        node = place.layer.tree(scope)
        for key in self._path(place):
            node = child(node, key)
        return node

    def _path(self, place: Interpolated) -> Path:
        if not self.ups:
            return self.keys
        if self.ups > len(place.path):
            raise place.error(InterpolationKeyError, f"Interpolation key '{self.text}' not found")
        return place.path[: -self.ups] + self.keys


def reference_to(text: str) -> Reference:
    """Return the reference that is written ``text``."""
    ups, keys = parse_path(text)
    return Reference(ups, keys, text)


def _leads_to(path: Path, place: Interpolated) -> bool:
    return list(map(str, path)) == list(map(str, place.path[: len(path)]))


class ComputedReference(Node, frozen=True, eq=False):
    """A reference of which some keys are themselves interpolated; one of these may stand for several keys."""

    ups: int
    keys: Sequence[Expression]
    brackets: Sequence[bool]

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        outcomes = scope.each(self.keys, place)
        text = self._written([_key(value, place) for value, _ in outcomes])
        value, tainted = reference_to(text).evaluate(scope, place)
        return value, tainted or is_any_tainted(outcomes)

    def _written(self, keys: Sequence[str]) -> str:
        pieces = [f"[{key}]" if bracket else f".{key}" for key, bracket in zip(keys, self.brackets, strict=True)]
        return "." * self.ups + "".join(pieces).removeprefix(".")

    def children(self) -> Sequence[Expression]:
        return self.keys

    def rebuilt(self, children: Sequence[Expression]) -> Expression:
        """Return a plain reference if nothing is left to compute."""
        known = [str(key.value) for key in children if isinstance(key, Literal) and isinstance(key.value, (str, int))]
        if len(known) == len(children):
            return reference_to(self._written(known))
        return ComputedReference(self.ups, children, self.brackets)


def _key(value: Any, place: Interpolated) -> str:
    if isinstance(value, (str, int)):
        return str(value)
    problem = f"A key must be text or a whole number, but was computed as {value!r}"
    raise place.error(InterpolationResolutionError, problem)


class Follow(Node, frozen=True, eq=False):
    """A reference whose target is known, but has no value before a run."""

    target: Interpolated

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        return scope.outcome(self.target)


class Call(Node, frozen=True, eq=False):
    """``${name:arguments}``; ``name`` evaluates to the name of a resolver."""

    name: Expression
    arguments: Sequence[Expression]

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        name, chosen = self.name.evaluate(scope, place)
        if not isinstance(name, str):
            raise place.error(InterpolationResolutionError, f"A resolver was computed as {name!r}, which is no name")
        resolver = place.layer.find_resolver(name)
        if resolver is None:
            raise place.error(UnsupportedInterpolationType, f"Unsupported interpolation type {name}")
        arguments = scope.each(self.arguments, place)
        try:
            value, tainted = resolver(scope, place, arguments)
        except (ConfigError, RunDependentError):
            raise
        except Exception as error:
            problem = f"{type(error).__name__} raised while resolving interpolation: {error}"
            raise place.error(InterpolationResolutionError, problem) from error
        return value, tainted or chosen

    def children(self) -> Sequence[Expression]:
        return (self.name, *self.arguments)

    def rebuilt(self, children: Sequence[Expression]) -> Expression:
        return Call(children[0], children[1:])


class ListOf(Node, frozen=True, eq=False):
    """``[a, b]`` among the arguments of a resolver."""

    items: Sequence[Expression]

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        outcomes = scope.each(self.items, place)
        return sequence([value for value, _ in outcomes]), is_any_tainted(outcomes)

    def children(self) -> Sequence[Expression]:
        return self.items

    def rebuilt(self, children: Sequence[Expression]) -> Expression:
        return ListOf(children)


class MappingOf(Node, frozen=True, eq=False):
    """``{a: b}`` among the arguments of a resolver."""

    keys: Sequence[Any]
    items: Sequence[Expression]

    def evaluate(self, scope: Scope, place: Interpolated) -> Outcome:
        outcomes = scope.each(self.items, place)
        values = dict(zip(self.keys, [value for value, _ in outcomes], strict=True))
        return mapping(values), is_any_tainted(outcomes)

    def children(self) -> Sequence[Expression]:
        return self.items

    def rebuilt(self, children: Sequence[Expression]) -> Expression:
        return MappingOf(self.keys, children)
