"""The type hints of a function's parameters."""

import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin, get_type_hints

_log = logging.getLogger(__name__)
_PYDANTIC = ("pydantic", "annotated_types")


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


def names_pydantic(hint: Any) -> bool:
    """Tell whether ``hint``, or a part of it, is a model or a constraint of pydantic."""
    if "pydantic" not in sys.modules:
        return False
    return any(kind.__module__.partition(".")[0] in _PYDANTIC for part in _parts(hint) for kind in _classes(part))


def _parts(hint: Any) -> Iterator[Any]:
    """Yield a hint and all that it is made of, the metadata of ``Annotated`` included."""
    yield hint
    if get_origin(hint) is not Literal:
        for part in (*get_args(hint), *getattr(hint, "__metadata__", ())):
            yield from _parts(part)


def _classes(part: Any) -> tuple[type, ...]:
    return part.__mro__ if isinstance(part, type) else type(part).__mro__
