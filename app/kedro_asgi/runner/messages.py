"""What crosses between processes: bytes, made and read where an error can be named."""

import pickle
import traceback
from collections.abc import Mapping
from logging import LogRecord
from typing import Any

import msgspec

from kedro_asgi.errors import RemoteNodeError, UnreadableResultError, UnserialisableDataError, WorkerImportError
from kedro_asgi.pipeline import Node

_FAILURES = (pickle.PicklingError, TypeError, AttributeError, RecursionError)

# What is said to a generator between two chunks.
GO_ON = b"go on"
STOP = b"stop"
# Said to a process in place of a call: end.
END = b""


class Said(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A line that was logged during a call."""

    record: LogRecord


class Chunk(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a generator yielded; it waits for `GO_ON` or `STOP`."""

    value: Any


class Answer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The end of a call: a result, or an error and where it was raised there."""

    result: Any = None
    error: BaseException | None = None
    trace: str = ""

    @classmethod
    def of_error(cls, error: BaseException) -> "Answer":
        """Return what tells of ``error``, of whatever class."""
        return cls(error=_portable(error), trace="".join(traceback.format_exception(error)))

    def value(self) -> Any:
        """Return the result or raise the error, with its traceback over there as the cause (RUN-40)."""
        if self.error is not None:
            raise self.error from RemoteTraceback(self.trace)
        return self.result


Message = Said | Chunk | Answer


class RemoteTraceback(Exception):
    """Shows where an error was raised in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def packed_call(node: Node, inputs: Mapping[str, Any]) -> bytes:
    """Return a call as bytes; raises `UnserialisableDataError` for an input that cannot be sent (RUN-41)."""
    try:
        return _pickled((node, inputs))
    except _FAILURES:
        for name, data in inputs.items():
            _check(name, data, node)
        raise


def unpacked_call(call: bytes) -> tuple[Node, dict[str, Any]]:
    """Return the node and its inputs; raises `WorkerImportError` where they cannot be imported here."""
    try:
        node, inputs = pickle.loads(call)
    except Exception as error:  # whatever modules raise when they are imported
        raise WorkerImportError(error) from error
    return node, inputs


def packed(message: Message) -> bytes:
    """Return a message as bytes."""
    return _pickled(message)


def packed_result(node: Node, result: Any) -> bytes:
    """Return what a node returned as the bytes of an `Answer`; raises `UnserialisableDataError` (RUN-41)."""
    try:
        return _pickled(Answer(result=result))
    except _FAILURES:
        for name, data in node.unpack(result).items():
            _check(name, data, node)
        raise


def packed_chunk(node: Node, value: Any) -> bytes:
    """Return what a generator node yielded as the bytes of a `Chunk`; raises `UnserialisableDataError`."""
    try:
        return _pickled(Chunk(value=value))
    except _FAILURES as error:
        raise UnserialisableDataError(", ".join(node.outputs), type(value), node.name) from error


def unpacked(data: bytes, node: Node) -> Message:
    """Return a message; raises `UnreadableResultError` for one that cannot be read here."""
    try:
        message: Message = pickle.loads(data)
    except Exception as error:  # whatever classes raise when they are restored
        raise UnreadableResultError(node.name, error) from error
    return message


def _pickled(value: Any) -> bytes:
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def _check(name: str, data: Any, node: Node) -> None:
    try:
        _pickled(data)
    except _FAILURES as error:
        raise UnserialisableDataError(name, type(data), node.name) from error


def _portable(error: BaseException) -> BaseException:
    """Many classes of errors can be pickled but not read back; such an error is told by name."""
    try:
        copied: BaseException = pickle.loads(_pickled(error))
    except Exception:
        return RemoteNodeError(error)
    return copied
