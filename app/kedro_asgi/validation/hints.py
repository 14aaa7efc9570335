"""The type hints of a function's parameters."""

import inspect
import logging
from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any, get_type_hints

_log = logging.getLogger(__name__)


def parameter_hints(function: Callable[..., Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the hints of those parameters ``names`` that have one, without ``Annotated`` around them.

    Partials, callable objects and decorators that set ``__wrapped__`` are unwrapped. Hints are resolved one by one: a
    hint that fails is logged, and the others are still found.
    """
    function = _annotated_function(function)
    written = getattr(function, "__annotations__", {})
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    hints = {}
    for name in names:
        if name in written:
            try:
                hints[name] = _resolved(written[name], scope)
            except Exception as error:  # the code in a hint may raise anything
                _log.warning("Could not extract type hints from function %s: '%s': %s", function, name, error)
    return hints


def _resolved(annotation: Any, scope: dict[str, Any]) -> Any:
    holder = SimpleNamespace(__annotations__={"hint": annotation})
    return get_type_hints(holder, globalns=scope)["hint"]


def _annotated_function(function: Callable[..., Any]) -> Any:
    while isinstance(function, partial):
        function = function.func
    if inspect.isroutine(function):
        return function
    owner, method = (function, "__init__") if isinstance(function, type) else (type(function), "__call__")
    return getattr(owner, method)
