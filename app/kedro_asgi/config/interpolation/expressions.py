"""The expressions that interpolated strings are made of."""

from collections.abc import Sequence

import msgspec

from kedro_asgi.config.interpolation.evaluator import (
    Evaluator,
    KeyPath,
    Node,
    RunDependentError,
    TracedValue,
    has_deferred,
    is_any_from_caller,
    make_dict,
    make_list,
)
from kedro_asgi.config.interpolation.interpolated import Expression, InterpolatedString
from kedro_asgi.config.interpolation.key_paths import NotFound, get_child, parse_path
from kedro_asgi.errors import (
    ConfigError,
    InterpolationKeyError,
    InterpolationResolutionError,
    UnsupportedInterpolationType,
)


class Literal(Expression, frozen=True, eq=False):
    """A known value: a text, a number, or a tree that the compiler found."""

    value: Node

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        return TracedValue(self.value, is_from_caller=False)


class CompoundExpression(Expression, frozen=True, eq=False):
    """An expression made of others."""

    parts: Sequence[Expression]

    def children(self) -> Sequence[Expression]:
        return self.parts

    def with_children(self, children: Sequence[Expression]) -> Expression:
        return msgspec.structs.replace(self, parts=children)


class Join(CompoundExpression, frozen=True, eq=False):
    """Parts that make up one text."""

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        results = evaluator.evaluate_all(self.parts, string)
        return TracedValue("".join([str(result.value) for result in results]), is_any_from_caller(results))

    def with_children(self, children: Sequence[Expression]) -> Expression:
        return join_text(children)


def join_text(parts: Sequence[Expression]) -> Expression:
    """Return ``parts`` as one text; neighbouring literals become one."""
    joined: list[Expression] = []
    known = ""
    for part in (*parts, None):
        if isinstance(part, Literal):
            known += str(part.value)
            continue
        if known:
            joined.append(Literal(known))
        if part is not None:
            joined.append(part)
        known = ""
    if len(joined) == 1 and isinstance(joined[0], Literal):
        return joined[0]
    return Join(joined) if joined else Literal("")


class Reference(Expression, frozen=True, eq=False):
    """A path to another value: from the root of the tree, or ``ups`` containers up from the string."""

    ups: int
    keys: tuple[str, ...]
    text: str

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        path = self._path(string)
        result = string.layer.look_up(evaluator, path, string, self.text)
        if has_deferred(result.value) and _leads_to(path, string):
            raise string.error(InterpolationResolutionError, "Interpolation to parent node detected")
        return result

    def target(self, evaluator: Evaluator, string: InterpolatedString) -> "Node | NotFound":
        """Return the node to which this reference leads, unevaluated."""
        node: Node = string.layer.tree(evaluator)
        for key in self._path(string):
            child = get_child(node, key)
            if isinstance(child, NotFound):
                return child
            node = child
        return node

    def _path(self, string: InterpolatedString) -> KeyPath:
        path = string.absolute(self.ups, self.keys)
        if path is None:
            raise string.error(InterpolationKeyError, f"Interpolation key '{self.text}' not found")
        return path


def reference_to(text: str) -> Reference:
    """Return the reference that is written ``text``."""
    ups, keys = parse_path(text)
    return Reference(ups, keys, text)


def _leads_to(path: KeyPath, string: InterpolatedString) -> bool:
    return list(map(str, path)) == list(map(str, string.path[: len(path)]))


class ComputedReference(CompoundExpression, frozen=True, eq=False):
    """A reference with interpolations among its keys, which are its parts; one of these may stand for several keys."""

    ups: int
    brackets: Sequence[bool]

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        results = evaluator.evaluate_all(self.parts, string)
        text = self._text([_key(result.value, string) for result in results])
        found = reference_to(text).evaluate(evaluator, string)
        return TracedValue(found.value, found.is_from_caller or is_any_from_caller(results))

    def with_children(self, children: Sequence[Expression]) -> Expression:
        """Return a plain reference where all keys are known."""
        known = [str(key.value) for key in children if isinstance(key, Literal) and isinstance(key.value, (str, int))]
        if len(known) == len(children):
            return reference_to(self._text(known))
        return ComputedReference(children, self.ups, self.brackets)

    def _text(self, keys: Sequence[str]) -> str:
        parts = [f"[{key}]" if bracket else f".{key}" for key, bracket in zip(keys, self.brackets, strict=True)]
        return "." * self.ups + "".join(parts).removeprefix(".")


def _key(value: Node, string: InterpolatedString) -> str:
    if isinstance(value, (str, int)):
        return str(value)
    problem = f"A key must be text or a whole number, but was computed as {value!r}"
    raise string.error(InterpolationResolutionError, problem)


class DirectReference(Expression, frozen=True, eq=False):
    """A reference to a known string, which has no value before a run."""

    target: InterpolatedString

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        return evaluator.evaluate(self.target)


class ResolverCall(CompoundExpression, frozen=True, eq=False):
    """``${name:arguments}``; the first part evaluates to the name of a resolver."""

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        name = self.parts[0].evaluate(evaluator, string)
        if not isinstance(name.value, str):
            problem = f"A resolver was computed as {name.value!r}, which is no name"
            raise string.error(InterpolationResolutionError, problem)
        resolver = string.layer.find_resolver(name.value)
        if resolver is None:
            raise string.error(UnsupportedInterpolationType, f"Unsupported interpolation type {name.value}")
        arguments = evaluator.evaluate_all(self.parts[1:], string)
        try:
            result = resolver(evaluator, string, arguments)
        except (ConfigError, RunDependentError):
            raise
        except Exception as error:
            problem = f"{type(error).__name__} raised while resolving interpolation: {error}"
            raise string.error(InterpolationResolutionError, problem) from error
        return TracedValue(result.value, is_from_caller=True) if name.is_from_caller else result


class ListExpression(CompoundExpression, frozen=True, eq=False):
    """``[a, b]`` among the arguments of a resolver."""

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        results = evaluator.evaluate_all(self.parts, string)
        return TracedValue(make_list([result.value for result in results]), is_any_from_caller(results))


class DictExpression(CompoundExpression, frozen=True, eq=False):
    """``{a: b}`` among the arguments of a resolver; the parts are its values."""

    keys: Sequence[Node]

    def evaluate(self, evaluator: Evaluator, string: InterpolatedString) -> TracedValue:
        results = evaluator.evaluate_all(self.parts, string)
        values = dict(zip(self.keys, [result.value for result in results], strict=True))
        return TracedValue(make_dict(values), is_any_from_caller(results))
