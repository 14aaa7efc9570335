"""A node: a function, and the names of the datasets that it reads and writes."""

import inspect
import logging
import warnings
from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedro_asgi.errors import AsyncNodeError, NodeInputsError, NodeInputsTypeError, PreviewTypeError
from kedro_asgi.errors.wording import indented
from kedro_asgi.failures import shown
from kedro_asgi.pipeline.binding import (
    BoundCall,
    Function,
    bind_call,
    function_name,
    is_async_function,
    is_async_generator_function,
    order_inputs,
    pair_arguments,
)
from kedro_asgi.pipeline.names import DatasetNames, comparison_key, format_names, list_names, namespace_prefixes
from kedro_asgi.pipeline.node_checks import (
    Tags,
    check_datasets,
    check_definition,
    check_function,
    check_preview,
    checked_name,
    checked_tags,
    derived_name,
    warn_of_dots,
)
from kedro_asgi.pipeline.unpacking import Unpack, bind_unpack

if TYPE_CHECKING:
    from kedro_asgi.pipeline.preview_contract import PreviewPayload

_log = logging.getLogger(__name__)

# Closures cannot be pickled, and another process has other hashes for strings.
_UNPICKLED = ("call", "unpack", "_hash")


class Node:
    """One step of a pipeline; immutable, except for ``func``.

    Nodes are equal if their names, inputs and outputs are (PIP-14). Raises `NodeDefinitionError`,
    `NodeSignatureError`, `NodeNameError`, `NodeOutputsNotUniqueError`, `NodeLoopError` or `TranscodingError`.
    """

    # Whether a warning has said that previews are experimental: it does so once.
    __preview_fn_warned__ = False

    is_generator: bool
    """Whether the function is a generator function, whose outputs come in chunks."""

    is_async: bool
    """Whether `call` returns a coroutine, which the caller awaits before `unpack`, or an asynchronous generator."""

    call: BoundCall
    """Calls the function without checks and returns its result, which is awaitable if the node ``is_async``."""

    unpack: Unpack
    """Returns the outputs by dataset name; raises `NodeOutputsError` if the result does not fit.

    A generator for several outputs becomes an iterator for each: `unpack` reads its first chunk to check it (PIP-20).
    A generator that yields nothing becomes empty iterators (Q-25).
    """

    def __init__(
        self,
        func: Function,
        inputs: DatasetNames,
        outputs: DatasetNames,
        *,
        name: str | None = None,
        tags: Tags = None,
        confirms: str | list[str] | None = None,
        namespace: str | None = None,
        preview_fn: Callable[..., Any] | None = None,
    ) -> None:
        check_definition(func, inputs, outputs)
        check_preview(preview_fn)
        self._inputs = copy(inputs)
        self._outputs = copy(outputs)
        self._output_names = list_names(outputs)
        self._set_function(func)
        self._name = checked_name(name) if name else name
        self._tags = checked_tags(tags)
        self._confirms = copy(confirms)
        self._namespace = namespace
        self._preview_fn = preview_fn
        if preview_fn and not getattr(Node, "__preview_fn_warned__", False):
            # Few nodes have previews, whose classes take 4 ms to make.
            from kedro_asgi.pipeline.preview_contract import KedroExperimentalWarning

            Node.__preview_fn_warned__ = True
            warnings.warn(
                "Kedro's 'preview_fn' is experimental and may change.", KedroExperimentalWarning, stacklevel=2
            )
        check_datasets(self, self._input_names, self._output_names)
        self._warn_of_dots()

    def _warn_of_dots(self) -> None:
        warn_of_dots([*self._input_names, *self._output_names], self._namespace)

    def _set_function(self, func: Function) -> None:
        self._input_names = order_inputs(func, self._inputs)
        self._required = frozenset(self._input_names)
        self._func = func
        is_async_generator = is_async_generator_function(func)
        self.is_generator = is_async_generator or inspect.isgeneratorfunction(func)
        self.is_async = is_async_generator or is_async_function(func)
        self._bind()

    def _bind(self) -> None:
        self.call = bind_call(self._func, self._inputs)
        self.unpack = bind_unpack(self._outputs, self)

    @property
    def func(self) -> Function:
        """The function; hooks may set another one that takes the same inputs.

        A node without a given name then takes the name of the new function. Its hash stays the same, so sets and
        dicts that hold the node still find it.
        """
        return self._func

    @func.setter
    def func(self, func: Function) -> None:
        check_function(func)
        self._set_function(func)
        self.__dict__.pop("_full_name", None)

    @property
    def name(self) -> str:
        """The full name with the namespace; raises `UnnamedNodeError` if neither node nor function has a name."""
        return self._full_name

    @cached_property
    def _full_name(self) -> str:
        name = self._name or derived_name(self._func, self._input_names, self._output_names)
        return f"{self._namespace}.{name}" if self._namespace else name

    @property
    def short_name(self) -> str:
        """The given name, else the name of the function in title case."""
        return self._name or self._func_name.replace("_", " ").title()

    @property
    def _func_name(self) -> str:
        return function_name(self._func)

    @property
    def namespace(self) -> str | None:
        """The namespace, dots between its segments."""
        return self._namespace

    @property
    def namespace_prefixes(self) -> list[str]:
        """All namespaces of the node, outermost first: ``a.b`` gives ``a`` and ``a.b``."""
        return namespace_prefixes(self._namespace)

    @property
    def tags(self) -> set[str]:
        """The tags; a copy."""
        return set(self._tags)

    @property
    def inputs(self) -> list[str]:
        """The names of the datasets that it reads, in the order of the function's parameters; a copy."""
        return self._input_names.copy()

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The names of the function's parameters, each with the dataset that it gets; computed on each access."""
        return pair_arguments(self._func, self._inputs)

    @property
    def keywords(self) -> dict[str, str]:
        """The datasets by the keywords of the function's call; empty where it gets its inputs by position."""
        return dict(self._inputs) if isinstance(self._inputs, dict) else {}

    @property
    def outputs(self) -> list[str]:
        """The names of the datasets that it writes; a copy."""
        return self._output_names.copy()

    @property
    def confirms(self) -> list[str]:
        """The names of the datasets that a runner confirms after the node."""
        return list_names(self._confirms)

    def tag(self, tags: Tags) -> "Node":
        """Return this node with more tags."""
        return self.replace(tags=self._tags | checked_tags(tags))

    def replace(self, **changes: Any) -> "Node":
        """Return a new node with other arguments of ``Node``."""
        definition = {
            "func": self._func,
            "inputs": self._inputs,
            "outputs": self._outputs,
            "name": self._name,
            "tags": self._tags,
            "confirms": self._confirms,
            "namespace": self._namespace,
            "preview_fn": self._preview_fn,
        }
        return type(self)(**{**definition, **changes})

    def _copy(self, **changes: Any) -> "Node":
        """Do what `replace` does; plugins call it by this name, which is Kedro's."""
        return self.replace(**changes)

    def run(self, inputs: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the function with ``inputs`` by dataset name and return its outputs by dataset name.

        Logs any error and raises it unchanged. Raises `NodeInputsError` for other inputs than the node declares,
        `NodeOutputsError` if the result does not fit, and `AsyncNodeError` for an async node.
        """
        if inputs is None:
            inputs = {}
        try:
            if self.is_async:
                raise AsyncNodeError(str(self))
            self.check(inputs)
            return self.unpack(self.call(inputs))
        except Exception as error:
            _log.error("Node %s failed with error: \n%s", self, indented(shown(str(error))))
            raise

    def preview(self) -> "PreviewPayload | None":
        """Call the ``preview_fn`` and return its preview; ``None`` without one. Raises `PreviewTypeError`."""
        if not self._preview_fn:
            return None
        from kedro_asgi.pipeline.preview_contract import is_preview

        result: PreviewPayload = self._preview_fn()
        if not is_preview(result):
            raise PreviewTypeError(result)
        return result

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        return self.run(inputs)

    def check(self, inputs: dict[str, Any]) -> None:
        """Raise `NodeInputsError` unless ``inputs`` has exactly the declared names."""
        if not isinstance(inputs, dict):
            raise NodeInputsTypeError(inputs)
        if inputs.keys() != self._required:
            raise NodeInputsError(str(self), self._expected(), inputs)

    def _expected(self) -> str:
        if not self._required:
            return "no inputs"
        if isinstance(self._inputs, str):
            return f"one input named '{self._inputs}'"
        return f"{len(self._required)} input(s) {list(dict.fromkeys(self._input_names))}"

    @cached_property
    def _key(self) -> tuple[object, ...]:
        return (self.name, comparison_key(self._inputs), comparison_key(self._outputs))

    @cached_property
    def _hash(self) -> int:
        return hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (self._key == other._key if isinstance(other, Node) else NotImplemented)

    def __lt__(self, other: object) -> bool:
        return self._key < other._key if isinstance(other, Node) else NotImplemented

    def __str__(self) -> str:
        name = f"{self._name}: " if self._name else ""
        return f"{name}{self._func_name}({format_names(self._input_names)}) -> {format_names(self._output_names)}"

    def __repr__(self) -> str:
        return f"Node({self._func_name}, {self._inputs!r}, {self._outputs!r}, {self._name!r})"

    def copy(self) -> "Node":
        """Return an equal node; a ``func`` that is set on it does not change this node."""
        node = object.__new__(type(self))
        node.__dict__.update(self.__dict__)
        return node

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in _UNPICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind()


node = Node
"""Kedro's other name for `Node`."""
