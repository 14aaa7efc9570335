"""Turns the result of a function into named outputs; how is decided once for each node."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice, tee
from types import GeneratorType
from typing import Any

from kedro_asgi.errors import NodeOutputsError
from kedro_asgi.errors.wording import braced
from kedro_asgi.pipeline.names import DatasetNames

Unpack = Callable[[Any], dict[str, Any]]


def bind_unpack(outputs: DatasetNames, node: object) -> Unpack:
    """Return a function that turns a result into outputs by dataset name.

    The function raises `NodeOutputsError` with the text of ``node`` if the result does not fit. It splits a generator
    for several outputs into an iterator for each, and checks every chunk.
    """
    match outputs:
        case None:
            return partial(_discard, node)
        case str():
            return lambda result: {outputs: result}
        case dict():
            return _streaming(_from_dict(outputs, node), list(outputs.values()))
        case _:
            return _streaming(_from_list(outputs, node), outputs)


def _discard(node: object, result: Any) -> dict[str, Any]:
    if result is not None:
        warnings.warn(
            f"Node {node} has no outputs, so the '{type(result).__name__}' that its function returned is dropped.",
            UserWarning,
            stacklevel=2,
        )
    return {}


def _from_list(names: list[str], node: object) -> Unpack:
    def unpack(result: Any) -> dict[str, Any]:
        if isinstance(result, list | tuple) and len(result) == len(names):
            return dict(zip(names, result, strict=True))
        raise NodeOutputsError(str(node), _list_problem(names, result))

    return unpack


def _list_problem(names: list[str], result: Any) -> str:
    if not isinstance(result, list | tuple):
        return (
            f"The node definition contains a list of outputs {names}, "
            f"whereas the node function returned a '{type(result).__name__}'."
        )
    return (
        f"The node function returned {len(result)} output(s), "
        f"whereas the node definition contains {len(names)} output(s)."
    )


def _from_dict(names: dict[str, str], node: object) -> Unpack:
    pairs = tuple(names.items())

    def unpack(result: Any) -> dict[str, Any]:
        if isinstance(result, dict) and result.keys() == names.keys():
            return {name: result[key] for key, name in pairs}
        raise NodeOutputsError(str(node), _dict_problem(names, result))

    return unpack


def _dict_problem(names: dict[str, str], result: Any) -> str:
    if not isinstance(result, dict):
        return (
            f"The node output is a dictionary, whereas the function output is {type(result)}. "
            f"It must return the keys {braced(names)}."
        )
    return f"The node's output keys {braced(names)} do not match with the returned output's keys {braced(result)}."


def _streaming(unpack: Unpack, names: list[str]) -> Unpack:
    def unpack_any(result: Any) -> dict[str, Any]:
        if isinstance(result, GeneratorType):
            return _streams(map(unpack, result), names)
        return unpack(result)

    return unpack_any


def _streams(chunks: Iterator[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """Split ``chunks`` by name; read the first chunk now, so that a wrong shape fails before any output is saved."""
    first = list(islice(chunks, 1))
    copies = tee(chain(first, chunks), len(names))
    return {name: _stream(copy, name) for name, copy in zip(names, copies, strict=True)}


def _stream(chunks: Iterator[dict[str, Any]], name: str) -> Iterator[Any]:
    for chunk in chunks:
        yield chunk[name]
