"""No value of a caller decides the class or validator of a dataset (CFG-56), or leads a path elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from kedro_asgi.config.interpolation.caller_paths import path_problem
from kedro_asgi.config.interpolation.evaluator import (
    DEFERRED_TYPES,
    Deferred,
    DeferredTuple,
    Evaluator,
    Node,
    TracedValue,
    has_deferred,
)
from kedro_asgi.config.interpolation.expressions import DirectReference, Join, Literal
from kedro_asgi.config.interpolation.interpolated import InterpolatedString
from kedro_asgi.config.interpolation.substitution import literal_texts
from kedro_asgi.configuration_tree import ConfigValue, copy_tree
from kedro_asgi.errors import InterpolationResolutionError
from kedro_asgi.reserved_names import PATH_KEYS

_Traced: TypeAlias = tuple[ConfigValue, bool]
"""A value without deferred ones in it, and whether the caller contributed to any of it."""

_Check = Callable[[object, ConfigValue, Node], None]
_NO_CHECKS: Mapping[object, _Check] = {}


def resolve_traced(evaluator: Evaluator, traced: TracedValue) -> _Traced:
    """Return a value as a copy, and whether the caller contributed to any of it."""
    return _TracingEvaluation(evaluator, lambda key, value, node: None).resolve(traced.value, traced.is_from_caller)


def resolve_restricted(evaluator: Evaluator, name: str, node: Node) -> ConfigValue:
    """Return the value of catalog entry ``name`` as a copy.

    Raises `InterpolationResolutionError` if a supplied value had a part in a ``type`` or a ``validator`` at any
    depth, or in choosing a mapping or list that holds one: directly, through references, as a default, a key or an
    argument. The caller may supply options of a validator. Raises it also if a supplied value leads a path to another
    place than the entry itself does: upwards, to an absolute path, or to a URL.
    """

    def check(key: object, value: ConfigValue, node: Node) -> None:
        if _names_class(key, value):
            raise _refusal(name, "type", value)
        if key == "validator" and not isinstance(value, dict):
            raise _refusal(name, "validator", value)
        if key in PATH_KEYS and isinstance(value, str):
            _check_path(name, key, value, node, allowed=evaluator.runtime.allowed_paths)

    def check_validator(key: object, value: ConfigValue, node: Node) -> None:
        if key == "class":
            raise _refusal(name, "validator", value)
        check(key, value, node)

    return _TracingEvaluation(evaluator, check, {"validator": check_validator}).resolve(node, is_from_caller=False)[0]


class _TracingEvaluation:
    """Resolves a tree; calls ``check`` for each key whose value the caller contributed to.

    Below a key of ``inner_checks``, it calls that check instead.
    """

    def __init__(self, evaluator: Evaluator, check: _Check, inner_checks: Mapping[object, _Check] = _NO_CHECKS) -> None:
        self._evaluator = evaluator
        self._check = check
        self._inner = {key: _TracingEvaluation(evaluator, inner) for key, inner in inner_checks.items()}

    def resolve(self, node: Node, is_from_caller: bool) -> _Traced:
        if isinstance(node, DeferredTuple):
            return self._evaluator.refusing_cycles(node, lambda pair: self._tuple(pair.items, is_from_caller), node)
        if isinstance(node, Deferred):
            return self._deferred(node, is_from_caller)
        if not is_from_caller and not isinstance(node, DEFERRED_TYPES):
            return copy_tree(node), False
        if isinstance(node, dict):
            return self._mapping(node, is_from_caller)
        if isinstance(node, list):
            return self._items(node, is_from_caller)
        return self._tuple(node, is_from_caller) if isinstance(node, tuple) else (node, is_from_caller)

    def _items(self, items: Sequence[Node], is_from_caller: bool) -> tuple[list[ConfigValue], bool]:
        results = [self.resolve(item, is_from_caller) for item in items]
        is_any_from_caller = is_from_caller or any([is_item for _, is_item in results])  # noqa: C419
        return [value for value, _ in results], is_any_from_caller

    def _tuple(self, items: Sequence[Node], is_from_caller: bool) -> _Traced:
        """Resolve a pair of ``!!omap`` as a key with its value, and another tuple as a list."""
        match items:
            case [str(key), item]:
                mapping, is_any_from_caller = self._mapping({key: item}, is_from_caller)
                return (key, mapping[key]), is_any_from_caller
        values, is_any_from_caller = self._items(items, is_from_caller)
        return tuple(values), is_any_from_caller

    def _mapping(self, node: Mapping[object, Node], is_from_caller: bool) -> tuple[dict[object, ConfigValue], bool]:
        values: dict[object, ConfigValue] = {}
        is_any_from_caller = is_from_caller
        for key, item in node.items():
            values[key], is_item_from_caller = self._inner.get(key, self).resolve(item, is_from_caller)
            if is_item_from_caller:
                is_any_from_caller = True
                self._check(key, values[key], item)
        return values, is_any_from_caller

    def _deferred(self, deferred: Deferred, is_from_caller: bool) -> _Traced:
        result = self._evaluator.evaluate(deferred)
        is_from_caller = is_from_caller or result.is_from_caller
        if not has_deferred(result.value):
            return self.resolve(result.value, is_from_caller)
        return self._evaluator.refusing_cycles(deferred, lambda node: self.resolve(node, is_from_caller), result.value)


def _check_path(name: str, key: object, path: str, node: Node, *, allowed: Sequence[str]) -> None:
    # A text here stands in a mapping that the caller gave or chose, so its beginning is not the author's.
    texts = () if isinstance(node, str) else literal_texts(node)
    problem = path_problem(path, beginning=_beginning(node), texts=texts, allowed=allowed)
    if problem is not None:
        raise InterpolationResolutionError(
            f"Dataset '{name}' resolves '{key}' via the 'runtime_params:' resolver to '{path}', which is not "
            f"permitted: runtime parameters {problem}."
        )


def _beginning(node: Node) -> str:
    """Return the text with which an author has begun a value; empty if a reference to a run's value begins it."""
    if not isinstance(node, InterpolatedString):
        return ""
    match node.expression:
        case Join(parts=[Literal(value=str(text)), *_]) | Literal(value=str(text)):
            return text
        case (
            Join(parts=[DirectReference(target=InterpolatedString() as target), *_])
            | DirectReference(target=InterpolatedString() as target)
        ):
            return _beginning(target)
    return ""


def _names_class(key: object, value: ConfigValue) -> bool:
    """A partitioned dataset names the class of its partitions as ``dataset: some.Class``."""
    return key == "type" or (key == "dataset" and isinstance(value, str) and "." in value)


def _refusal(name: str, field: str, value: ConfigValue) -> InterpolationResolutionError:
    return InterpolationResolutionError(
        f"Dataset '{name}' resolves a '{field}' field via the 'runtime_params:' resolver to '{value}', which is not "
        "permitted. Runtime parameters must not decide which class is made, at any depth."
    )
