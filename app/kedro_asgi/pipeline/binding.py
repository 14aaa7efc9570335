"""How datasets become the arguments of a function; decided once for each node, so that a run only calls."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from kedro_asgi.errors import NodeSignatureError
from kedro_asgi.pipeline.names import Names, listed

Function = Callable[..., Any]
Call = Callable[[Mapping[str, Any]], Any]

_TAKES_ANYTHING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def function_name(function: Function) -> str:
    """Return what a function is called in messages; an object without a name goes by its repr."""
    if hasattr(function, "__name__"):
        return str(function.__name__)
    return "<partial>" if isinstance(function, partial) else repr(function)


def bound_inputs(function: Function, inputs: Names) -> list[str]:
    """Return the input names in the order of the function's parameters (PIP-17).

    Raises `NodeSignatureError` if the function cannot be called so (PIP-4). Positions in builtins, and what Python
    knows no signature of, are not checked.
    """
    signature = _signature(function)
    if signature is None or (inspect.isbuiltin(function) and not isinstance(inputs, dict)):
        return listed(inputs)
    try:
        bound = signature.bind(**inputs) if isinstance(inputs, dict) else signature.bind(*listed(inputs))
    except TypeError as error:
        raise NodeSignatureError(function_name(function), signature.parameters, inputs) from error
    return [*bound.args, *bound.kwargs.values()]


def bound_arguments(function: Function, inputs: Names) -> list[tuple[str, str]]:
    """Return the names of the function's parameters, each with the dataset that it gets.

    Where a decorator takes anything, the parameters of what it wraps are named. What Python knows no signature of
    has none.
    """
    for signature in _signatures(function):
        try:
            bound = signature.bind(**inputs) if isinstance(inputs, dict) else signature.bind(*listed(inputs))
        except TypeError:
            continue
        return [pair for name, value in bound.arguments.items() for pair in _pairs(name, value)]
    return []


def _signatures(function: Function) -> Iterator[inspect.Signature]:
    own = _signature(function)
    if own is None:
        return
    if any(parameter.kind in _TAKES_ANYTHING for parameter in own.parameters.values()):
        yield _signature(function, follow_wrapped=True) or own
    yield own


def _pairs(name: str, value: str | tuple[str, ...] | dict[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    else:
        yield from ((name, dataset) for dataset in (value.values() if isinstance(value, dict) else value))


def _signature(function: Function, *, follow_wrapped: bool = False) -> inspect.Signature | None:
    try:
        return inspect.signature(function, follow_wrapped=follow_wrapped)
    except ValueError:
        return None


def is_async_function(function: Function) -> bool:
    """Tell whether calling ``function`` gives a coroutine; partials and callable objects are looked through."""
    function = _inner(function)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(_call_of(function))


def is_async_generator_function(function: Function) -> bool:
    """Tell whether calling ``function`` gives an asynchronous generator, looking through as for coroutines."""
    function = _inner(function)
    return inspect.isasyncgenfunction(function) or inspect.isasyncgenfunction(_call_of(function))


def _inner(function: Function) -> Function:
    while isinstance(function, partial):
        function = function.func
    return function


def _call_of(function: Function) -> Any:
    kind: Any = type(function)
    return kind.__call__


def bind_call(function: Function, inputs: Names) -> Call:
    """Return what calls ``function`` with data picked by dataset name: a list by position, a dict by keyword."""
    if isinstance(inputs, dict):
        return _by_keyword(function, inputs)
    return _by_position(function, listed(inputs))


def _by_position(function: Function, names: list[str]) -> Call:
    if not names:
        return lambda data: function()
    if len(names) == 1:
        name = names[0]
        return lambda data: function(data[name])
    pick = itemgetter(*names)
    return lambda data: function(*pick(data))


def _by_keyword(function: Function, names: dict[str, str]) -> Call:
    pairs = tuple(names.items())
    return lambda data: function(**{parameter: data[name] for parameter, name in pairs})
