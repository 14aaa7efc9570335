"""Binds datasets to the parameters of a function, once for each node, so that a run only calls the function."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from kedro_asgi.errors import NodeSignatureError
from kedro_asgi.pipeline.names import DatasetNames, list_names

Function = Callable[..., Any]
BoundCall = Callable[[Mapping[str, Any]], Any]

_TAKES_ANYTHING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def function_name(function: Function) -> str:
    """Return the name of a function for messages: its repr if it has no name."""
    if hasattr(function, "__name__"):
        return str(function.__name__)
    return "<partial>" if isinstance(function, partial) else repr(function)


def order_inputs(function: Function, inputs: DatasetNames) -> list[str]:
    """Return the input names in the order of the function's parameters (PIP-17).

    Raises `NodeSignatureError` if the function does not accept these inputs. Does not check functions without a known
    signature, nor positional inputs of builtins.
    """
    signature = _signature(function)
    if signature is None or (inspect.isbuiltin(function) and not isinstance(inputs, dict)):
        return list_names(inputs)
    try:
        bound = signature.bind(**inputs) if isinstance(inputs, dict) else signature.bind(*list_names(inputs))
    except TypeError as error:
        raise NodeSignatureError(function_name(function), signature.parameters, inputs) from error
    return [*bound.args, *bound.kwargs.values()]


def pair_arguments(function: Function, inputs: DatasetNames) -> list[tuple[str, str]]:
    """Return the names of the function's parameters, each with the dataset that it gets.

    If a decorator takes any arguments, the names are those of the decorated function. A function without a known
    signature gives none.
    """
    for signature in _signatures(function):
        try:
            bound = signature.bind(**inputs) if isinstance(inputs, dict) else signature.bind(*list_names(inputs))
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
    """Tell whether ``function`` returns a coroutine; also for partials and callable objects."""
    return _is_any(inspect.iscoroutinefunction, function)


def is_async_generator_function(function: Function) -> bool:
    """Tell whether ``function`` returns an asynchronous generator; also for partials and callable objects."""
    return _is_any(inspect.isasyncgenfunction, function)


def _is_any(is_kind: Callable[[Any], bool], function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    kind: Any = type(function)
    return is_kind(function) or is_kind(kind.__call__)


def bind_call(function: Function, inputs: DatasetNames) -> BoundCall:
    """Return a callable that passes data by dataset name to ``function``: a list by position, a dict by keyword."""
    if isinstance(inputs, dict):
        return _by_keyword(function, inputs)
    return _by_position(function, list_names(inputs))


def _by_position(function: Function, names: list[str]) -> BoundCall:
    if not names:
        return lambda data: function()
    if len(names) == 1:
        name = names[0]
        return lambda data: function(data[name])
    pick = itemgetter(*names)
    return lambda data: function(*pick(data))


def _by_keyword(function: Function, names: dict[str, str]) -> BoundCall:
    pairs = tuple(names.items())
    return lambda data: function(**{parameter: data[name] for parameter, name in pairs})
