"""Checks of the arguments of a node, and the name of a node that has none."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from functools import partial
from hashlib import sha256
from types import MappingProxyType

from kedro_asgi.errors import (
    NodeDefinitionError,
    NodeLoopError,
    NodeNameError,
    NodeOutputsNotUniqueError,
    UnnamedNodeError,
)
from kedro_asgi.pipeline.binding import Function
from kedro_asgi.pipeline.names import list_names
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.reserved_names import is_parameter

Tags = str | Iterable[str] | None

_NAME = re.compile(r"[\w\.-]+")
_PREPOSITIONS = MappingProxyType({"inputs": "to", "outputs": "of"})


def check_definition(func: object, inputs: object, outputs: object) -> None:
    """Raise `NodeDefinitionError` unless the arguments are a function and dataset names."""
    check_function(func)
    _check_names("inputs", inputs)
    _check_names("outputs", outputs)
    if not inputs and not outputs:
        raise NodeDefinitionError("it must have some 'inputs' or 'outputs'.")


def check_function(func: object) -> None:
    """Raise `NodeDefinitionError` if ``func`` cannot be called."""
    if not callable(func):
        raise NodeDefinitionError(f"first argument must be a function, not '{type(func).__name__}'.")


def check_preview(preview_fn: object) -> None:
    """Raise `NodeDefinitionError` if ``preview_fn`` is given and cannot be called."""
    if preview_fn and not callable(preview_fn):
        raise NodeDefinitionError(f"preview_fn must be a function, not '{type(preview_fn).__name__}'.")


def _check_names(side: str, names: object) -> None:
    if not isinstance(names, str | list | dict | None):
        raise NodeDefinitionError(
            f"'{side}' type must be one of [String, List, Dict, None], not '{type(names).__name__}'."
        )
    for name in list_names(names):
        if not isinstance(name, str):
            raise NodeDefinitionError(
                f"names of variables used as {side} {_PREPOSITIONS[side]} the function must be of 'String' type, and "
                f"{name!r} from {names} is not."
            )


def check_datasets(node: object, inputs: list[str], outputs: list[str]) -> None:
    """Raise if an output is repeated or also an input, or if a name has two ``@``."""
    if len(set(outputs)) != len(outputs):
        repeated = [name for name, count in Counter(outputs).items() if count > 1]
        raise NodeOutputsNotUniqueError(str(node), repeated)
    if both := set(map(base_name, inputs)).intersection(map(base_name, outputs)):
        raise NodeLoopError(str(node), both)


def checked_name(name: str) -> str:
    """Return ``name``; raises `NodeNameError` if it has a character that is not allowed."""
    return _checked("name", name)


def checked_tags(tags: Tags) -> frozenset[str]:
    """Return one or more tags as a set; raises `NodeNameError` as `checked_name` does."""
    given = [tags] if isinstance(tags, str) else tags or ()
    return frozenset(_checked("tag", tag) for tag in given)


def _checked(kind: str, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise NodeNameError(kind, value)
    return value


def derived_name(func: Function, inputs: list[str], outputs: list[str]) -> str:
    """Return the name of a node without a given name: that of its function, and 8 digits of a hash (PIP-12).

    Raises `UnnamedNodeError` if the function has no name.
    """
    name = _function_name(func)
    origin = name if isinstance(func, partial) else f"{func.__module__}.{name}"
    digest = sha256(f"{origin}|{inputs}|{outputs}".encode()).hexdigest()
    return f"{name}__{digest[:8]}"


def _function_name(func: Function) -> str:
    if isinstance(func, partial):
        return f"partial({_function_name(func.func)})"
    if not hasattr(func, "__name__"):
        raise UnnamedNodeError(func)
    return str(func.__name__)


def warn_of_dots(names: Iterable[str], namespace: str | None) -> None:
    """Warn of a dot in a dataset name, unless the name begins with the node's top-level namespace."""
    top = namespace.partition(".")[0] + "." if namespace else None
    for name in names:
        if "." in name and not is_parameter(name) and not (top and name.startswith(top)):
            # The text and the line are always the same, so by default Python shows this once a process.
            warnings.warn(
                "One or more dataset names contain '.' characters, though dot notation is reserved for namespaces.",
                UserWarning,
                stacklevel=1,
            )
            return
