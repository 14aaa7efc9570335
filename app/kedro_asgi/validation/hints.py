"""The type hints of a function's parameters."""

import inspect
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, get_args, get_origin, get_type_hints

_log = logging.getLogger(__name__)


def parameter_hints(
    function: Callable[..., Any], names: Iterable[str], *, include_extras: bool = False
) -> dict[str, Any]:
    """Return the hints of those parameters ``names`` that have one, without ``Annotated`` unless ``include_extras``.

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
                hints[name] = _resolved(written[name], scope, include_extras=include_extras)
            except Exception as error:  # the code in a hint may raise anything
                _log.warning("Could not extract type hints from function %s: '%s': %s", function, name, error)
    return hints


def output_hints(function: Callable[..., Any], outputs: Sequence[str]) -> dict[str, Any]:
    """Return the hints of a function's results, by the names of the datasets in which they are stored.

    Several outputs have hints only if the function's hint is a tuple of as many types.
    """
    hint = parameter_hints(function, ["return"], include_extras=True).get("return")
    if len(outputs) == 1:
        return {} if hint is None else {outputs[0]: hint}
    parts = get_args(hint) if get_origin(hint) is tuple else ()
    return dict(zip(outputs, parts, strict=True)) if len(parts) == len(outputs) else {}


def _resolved(annotation: Any, scope: dict[str, Any], *, include_extras: bool) -> Any:
    holder = SimpleNamespace(__annotations__={"hint": annotation})
    return get_type_hints(holder, globalns=scope, include_extras=include_extras)["hint"]


def _annotated_function(function: Callable[..., Any]) -> Any:
    while isinstance(function, partial):
        function = function.func
    if inspect.isroutine(function):
        return function
    owner, method = (function, "__init__") if isinstance(function, type) else (type(function), "__call__")
    return getattr(owner, method)
