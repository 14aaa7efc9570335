"""No value of a caller decides which class or validator a dataset has (CFG-56, Q-19), or climbs out of its folder."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kedro_asgi.config.interpolation.evaluator import (
    OpenDict,
    OpenList,
    Outcome,
    Pending,
    Scope,
    copied,
    is_any_tainted,
)
from kedro_asgi.config.interpolation.merging import is_open
from kedro_asgi.config.interpolation.substitution import literal_texts
from kedro_asgi.errors import InterpolationResolutionError
from kedro_asgi.reserved_names import PATH_KEYS

Check = Callable[[Any, Any, Any], None]
_NOTHING_SPECIAL: Mapping[Any, Check] = MappingProxyType({})
_UPWARDS = re.compile(r"(?:^|[/\\])\.\.(?=[/\\]|$)")


def trace(scope: Scope, node: Any, is_tainted: bool = False) -> Outcome:
    """Return the value of a tree, as `Scope.fresh` does, and whether the caller contributed to any of it."""
    return _Tracer(scope, _accept).fresh(node, is_tainted)


def guarded(scope: Scope, name: str, node: Any) -> Any:
    """Return the value of entry ``name``, as `Scope.fresh` does.

    Raises `InterpolationResolutionError` if a supplied value had a part in a ``type`` or a ``validator`` at any
    depth, or in choosing a mapping or list with one in it: directly, through other places, as a default, a key or an
    argument. Options of a validator may be supplied. Raises it also if a supplied value leads a path upwards, beyond
    what the entry itself says.
    """

    def check(key: Any, value: Any, node: Any) -> None:
        if _names_class(key, value):
            raise _refusal(name, "type", value)
        if key == "validator" and not isinstance(value, dict):
            raise _refusal(name, "validator", value)
        if key in PATH_KEYS and isinstance(value, str) and _climbs(value, node):
            raise InterpolationResolutionError(
                f"Dataset '{name}' resolves '{key}' via the 'runtime_params:' resolver to '{value}', which is not "
                "permitted: runtime parameters must not lead upwards with '..'."
            )

    def check_validator(key: Any, value: Any, node: Any) -> None:
        if key == "class":
            raise _refusal(name, "validator", value)
        check(key, value, node)

    return _Tracer(scope, check, {"validator": check_validator}).fresh(node, False)[0]


class _Tracer:
    """Walks a tree; ``check`` gets to see each key whose value the caller contributed to.

    Below the keys of ``special``, their checks are used in its place.
    """

    def __init__(self, scope: Scope, check: Check, special: Mapping[Any, Check] = _NOTHING_SPECIAL) -> None:
        self._scope = scope
        self._check = check
        self._below = {key: _Tracer(scope, other) for key, other in special.items()}

    def fresh(self, node: Any, is_tainted: bool) -> Outcome:
        if not is_tainted and not is_open(node):
            return copied(node), False
        if isinstance(node, Pending):
            return self._pending(node, is_tainted)
        if isinstance(node, dict):
            return self._mapping(node, is_tainted)
        if isinstance(node, list):
            outcomes = [self.fresh(item, is_tainted) for item in node]
            return [value for value, _ in outcomes], is_tainted or is_any_tainted(outcomes)
        return node, is_tainted

    def _mapping(self, node: dict[Any, Any], is_tainted: bool) -> Outcome:
        values, touched = {}, is_tainted
        for key, item in node.items():
            values[key], tainted = self._below.get(key, self).fresh(item, is_tainted)
            if tainted:
                touched = True
                self._check(key, values[key], item)
        return values, touched

    def _pending(self, pending: Pending, is_tainted: bool) -> Outcome:
        value, tainted = self._scope.outcome(pending)
        is_tainted = is_tainted or tainted
        if not isinstance(value, (OpenDict, OpenList)):
            return self.fresh(value, is_tainted)
        return self._scope.expanding(pending, value, lambda node: self.fresh(node, is_tainted))


def _accept(key: Any, value: Any, node: Any) -> None:
    pass


def _climbs(path: str, node: Any) -> bool:
    steps = _steps_up(path)
    return steps > 0 and steps > _steps_up("".join(literal_texts(node)))


def _steps_up(path: str) -> int:
    return len(_UPWARDS.findall(path))


def _names_class(key: Any, value: Any) -> bool:
    """``dataset: some.Class`` is how a partitioned dataset is told the class of its partitions."""
    return key == "type" or (key == "dataset" and isinstance(value, str) and "." in value)


def _refusal(name: str, field: str, value: Any) -> InterpolationResolutionError:
    return InterpolationResolutionError(
        f"Dataset '{name}' resolves a '{field}' field via the 'runtime_params:' resolver to '{value}', which is not "
        "permitted. Runtime parameters must not decide which class is made, at any depth."
    )
