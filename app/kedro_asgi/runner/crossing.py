"""How a node's turn crosses into another process and back: as bytes, made and read where an error can be named."""

import pickle
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kedro_asgi.errors import RemoteNodeError, UnserialisableDataError
from kedro_asgi.pipeline import Node

_FAILURES = (pickle.PicklingError, TypeError, AttributeError, RecursionError)


class Answer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What came of a call in another process: a result, or an error and where it was raised there."""

    result: Any = None
    error: BaseException | None = None
    trace: str = ""

    def value(self) -> Any:
        """Return the result or raise the error, with its traceback over there as the cause (RUN-40)."""
        if self.error is not None:
            raise self.error from RemoteTraceback(self.trace)
        return self.result


class RemoteTraceback(Exception):
    """Shows where an error was raised in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def packed(node: Node, inputs: Mapping[str, Any]) -> bytes:
    """Return a call as bytes; raises `UnserialisableDataError` for an input that cannot be sent (RUN-41)."""
    try:
        return pickle.dumps((node, inputs))
    except _FAILURES:
        for name, data in inputs.items():
            _check(name, data, node)
        raise


def call_packed(call: bytes) -> bytes:
    """Make a packed call in this process and return its packed `Answer`; raises nothing."""
    try:
        node, inputs = pickle.loads(call)
        result = node.call(inputs)
        # A generator cannot be sent back, so it is drawn here.
        return _packed_result(node, list(result) if node.is_generator and isinstance(result, Iterator) else result)
    except BaseException as error:
        trace = "".join(traceback.format_exception(error))
        return pickle.dumps(Answer(error=_portable(error), trace=trace))


def unpacked(answer: bytes) -> Answer:
    """Return what `call_packed` packed."""
    found: Answer = pickle.loads(answer)
    return found


def _packed_result(node: Node, result: Any) -> bytes:
    try:
        return pickle.dumps(Answer(result=result))
    except _FAILURES as error:
        raise UnserialisableDataError(", ".join(node.outputs), type(result), node.name) from error


def _check(name: str, data: Any, node: Node) -> None:
    try:
        pickle.dumps(data)
    except _FAILURES as error:
        raise UnserialisableDataError(name, type(data), node.name) from error


def _portable(error: BaseException) -> BaseException:
    """Many classes of errors can be pickled but not read back; such an error is told by name."""
    try:
        copied: BaseException = pickle.loads(pickle.dumps(error))
    except Exception:
        return RemoteNodeError(error)
    return copied
