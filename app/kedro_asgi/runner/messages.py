"""The messages between a run and its worker processes, as bytes; encoded where an error can name its data."""

import pickle
import traceback
from collections.abc import Mapping
from logging import LogRecord
from typing import Any

import msgspec

from kedro_asgi.errors import RemoteNodeError, UnreadableResultError, UnserialisableDataError, WorkerImportError
from kedro_asgi.failures import RemoteTraceback, describe_failure, folded_traceback, note_remote
from kedro_asgi.pipeline import Node
from kedro_asgi.runs import ErrorDetail

_FAILURES = (pickle.PicklingError, TypeError, AttributeError, RecursionError)

# Requests to a generator between two chunks.
NEXT_CHUNK = b"next"
CLOSE_GENERATOR = b"close"
# A request to the worker process itself.
SHUT_DOWN = b""


class LogMessage(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A record that the function logged."""

    record: LogRecord


class GeneratorChunk(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A value that a generator yielded; the generator waits for `NEXT_CHUNK` or `CLOSE_GENERATOR`."""

    value: Any


class Response(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The end of a call: a result, or an error with its traceback in the worker process."""

    result: Any = None
    error: BaseException | None = None
    trace: str = ""
    folded: str = ""
    detail: ErrorDetail | None = None

    @classmethod
    def of_error(cls, error: BaseException) -> "Response":
        """Return the response for an error of any class."""
        trace = "".join(traceback.format_exception(error))
        return cls(error=_portable(error), trace=trace, folded=folded_traceback(error), detail=describe_failure(error))

    def value(self) -> Any:
        """Return the result or raise the error, with its traceback in the worker process as the cause (RUN-40)."""
        if self.error is not None:
            if self.detail is not None:
                note_remote(self.error, self.detail)
            raise self.error from RemoteTraceback(self.trace, self.folded)
        return self.result


Message = LogMessage | GeneratorChunk | Response


def encode_request(node: Node, inputs: Mapping[str, Any]) -> bytes:
    """Return a call of ``node`` as bytes; raises `UnserialisableDataError` for an input that cannot be sent."""
    try:
        return _pickle((node, inputs))
    except _FAILURES:
        for name, data in inputs.items():
            _check_picklable(name, data, node)
        raise


def decode_request(request: bytes) -> tuple[Node, dict[str, Any]]:
    """Return the node and its inputs; raises `WorkerImportError` where they cannot be imported here."""
    try:
        node, inputs = pickle.loads(request)
    except Exception as error:  # whatever modules raise when they are imported
        raise WorkerImportError(error) from error
    return node, inputs


def encode_message(message: Message) -> bytes:
    """Return a message as bytes."""
    return _pickle(message)


def encode_result(node: Node, result: Any) -> bytes:
    """Return what a node returned as the bytes of a `Response`; raises `UnserialisableDataError`."""
    try:
        return _pickle(Response(result=result))
    except _FAILURES:
        for name, data in node.unpack(result).items():
            _check_picklable(name, data, node)
        raise


def encode_chunk(node: Node, value: Any) -> bytes:
    """Return what a generator node yielded as the bytes of a `GeneratorChunk`; raises `UnserialisableDataError`."""
    try:
        return _pickle(GeneratorChunk(value=value))
    except _FAILURES as error:
        raise UnserialisableDataError(", ".join(node.outputs), type(value), node.name) from error


def decode_message(data: bytes, node: Node) -> Message:
    """Return a message; raises `UnreadableResultError` for one that cannot be read here."""
    try:
        message: Message = pickle.loads(data)
    except Exception as error:  # whatever classes raise when they are restored
        raise UnreadableResultError(node.name, error) from error
    return message


def _pickle(value: Any) -> bytes:
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def _check_picklable(name: str, data: Any, node: Node) -> None:
    try:
        _pickle(data)
    except _FAILURES as error:
        raise UnserialisableDataError(name, type(data), node.name) from error


def _portable(error: BaseException) -> BaseException:
    """Many classes of errors can be pickled but not read back; such an error is sent by name."""
    try:
        copied: BaseException = pickle.loads(_pickle(error))
    except Exception:
        return RemoteNodeError(error)
    return copied
