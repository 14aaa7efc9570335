"""The messages between a run and its worker processes, as bytes; encoded where an error can name its data."""

import copyreg
import io
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from logging import LogRecord
from types import TracebackType
from typing import Any

import msgspec

from kedro_asgi.errors import (
    RemoteNodeError,
    SingleProcessDatasetsError,
    UnreadableResultError,
    UnserialisableDataError,
    WorkerImportError,
)
from kedro_asgi.failures import describe_failure, note_remote
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.portable_struct import PortableStruct
from kedro_asgi.runner.remote_datasets import KeptOutput, RemoteDataset
from kedro_asgi.runs import ErrorDetail
from kedro_asgi.tracebacks import RemoteTraceback, folded_traceback

# Requests to a generator between two chunks.
NEXT_CHUNK = b"next"
CLOSE_GENERATOR = b"close"
# A request to save a kept output; a `SaveRequest` follows.
SAVE = b"save"
# A request to the worker process itself.
SHUT_DOWN = b""
# How a message begins that holds kept outputs; no pickle begins so.
_HOLDS_KEPT = b"kept:"


class LogMessage(PortableStruct, frozen=True, kw_only=True, eq=False):
    """A record that the function logged."""

    record: LogRecord


class GeneratorChunk(PortableStruct, frozen=True, kw_only=True, eq=False):
    """A value that a generator yielded; the generator waits for `NEXT_CHUNK` or `CLOSE_GENERATOR`."""

    value: Any


class Response(PortableStruct, frozen=True, kw_only=True, eq=False):
    """The end of a call: a result, or an error with its traceback in the worker process.

    ``keeps_outputs`` tells that the worker process keeps some of the outputs, until they are saved or the next call.
    """

    result: Any = None
    keeps_outputs: bool = False
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


def value_of(message: GeneratorChunk | Response) -> Any:
    """Return the value of the response to a call that yields no more chunks, or raise its error."""
    assert isinstance(message, Response), "only generators send chunks"
    return message.value()


Message = LogMessage | GeneratorChunk | Response
FindDataset = Callable[[str], RemoteDataset | None]


class CallRequest(PortableStruct, frozen=True, kw_only=True, eq=False):
    """A call of a node's function; a `ProcessState` comes before it.

    A `RemoteDataset` stands for an input that cannot be sent. The worker process may keep the outputs ``keepable`` if
    they cannot be sent.
    """

    node: Node
    inputs: Mapping[str, Any]
    keepable: frozenset[str]


class SaveRequest(PortableStruct, frozen=True, kw_only=True, eq=False):
    """Saves a kept output."""

    output: str
    dataset: RemoteDataset


def encode_call(node: Node, inputs: Mapping[str, Any], *, keepable: frozenset[str], find_dataset: FindDataset) -> bytes:
    """Return a call of ``node`` as bytes.

    Raises `UnserialisableDataError` for an input that cannot be sent, unless ``find_dataset`` returns a dataset that
    the worker process can load.
    """
    try:
        return _pickle(CallRequest(node=node, inputs=inputs, keepable=keepable))
    except Exception:  # whatever values raise
        portable = {name: _portable_input(name, data, node, find_dataset) for name, data in inputs.items()}
        return _pickle(CallRequest(node=node, inputs=portable, keepable=keepable))


def encode_save(kept: KeptOutput, dataset: RemoteDataset) -> bytes:
    """Return the request to save a kept output; raises `SingleProcessDatasetsError` for a dataset that cannot go."""
    try:
        return _pickle(SaveRequest(output=kept.output, dataset=dataset))
    except Exception as error:
        raise SingleProcessDatasetsError([dataset.name]) from error


def decode_request(request: bytes) -> Any:
    """Return a `CallRequest` or a `SaveRequest`; raises `WorkerImportError` where its parts cannot be imported here."""
    try:
        return pickle.loads(request)
    except Exception as error:  # whatever modules raise when they are imported
        raise WorkerImportError(error) from error


def encode(value: msgspec.Struct) -> bytes:
    """Return a message, or the state of this process, which is the first part of a call, as bytes."""
    return _pickle(value)


def encode_outputs(call: CallRequest, value: Any, *, is_chunk: bool = False) -> tuple[bytes, dict[str, Any]]:
    """Return what a node returned as the bytes of a `Response`, and the outputs to keep by name.

    ``is_chunk`` tells that the node yielded it, so the bytes are those of a `GeneratorChunk`. Raises
    `UnserialisableDataError` for an output that can neither be sent nor kept.
    """
    try:
        return _pickle(GeneratorChunk(value=value) if is_chunk else Response(result=value)), {}
    except Exception:
        kept = _kept_outputs(call, value)
        message = GeneratorChunk(value=value) if is_chunk else Response(result=value, keeps_outputs=True)
        return _pickle_around(message, kept, call.node), kept


def decode_message(data: bytes, node: Node) -> Message:
    """Return a message; raises `UnreadableResultError` for one that cannot be read here."""
    try:
        if data.startswith(_HOLDS_KEPT):
            file = io.BytesIO(data)
            file.seek(len(_HOLDS_KEPT))
            message: Message = _KeepingUnpickler(file).load()
        else:
            message = pickle.loads(data)
    except Exception as error:  # whatever classes raise when they are restored
        raise UnreadableResultError(node.name, error) from error
    return message


def _pickle(value: Any) -> bytes:
    if "tblib.pickling_support" not in sys.modules:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=pickle.HIGHEST_PROTOCOL)
    # Dask lets tblib pickle errors, which then come without what their constructors set in C: the code of SystemExit.
    pickler.dispatch_table = {kind: reduce for kind, reduce in copyreg.dispatch_table.items() if not _is_error(kind)}
    pickler.dump(value)
    return file.getvalue()


def _is_error(kind: type) -> bool:
    return issubclass(kind, BaseException) or kind is TracebackType


def _pickle_around(message: Message, kept: Mapping[str, Any], node: Node) -> bytes:
    """Return a message as bytes with a `KeptOutput` in the place of each of the outputs ``kept``."""
    file = io.BytesIO()
    file.write(_HOLDS_KEPT)
    _KeepingPickler(file, kept, node.name).dump(message)
    return file.getvalue()


class _KeepingPickler(pickle.Pickler):
    """Pickles kept outputs by name."""

    def __init__(self, file: io.BytesIO, kept: Mapping[str, Any], node: str) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._kept = {id(data): (node, name, str(type(data))) for name, data in kept.items()}

    def persistent_id(self, obj: Any) -> Any:
        return self._kept.get(id(obj))


class _KeepingUnpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> KeptOutput:
        node, output, type_ = pid
        return KeptOutput(node=node, output=output, type=type_)


def _portable_input(name: str, data: Any, node: Node, find_dataset: FindDataset) -> Any:
    """Return ``data`` if it can be pickled, else the dataset that loads it."""
    try:
        _pickle(data)
    except Exception as error:
        dataset = find_dataset(name)
        if dataset is None or not is_picklable(dataset):
            raise UnserialisableDataError(name, type(data), node.name) from error
        return dataset
    return data


def _kept_outputs(call: CallRequest, result: Any) -> dict[str, Any]:
    """Return the outputs that cannot be pickled."""
    kept = {}
    for name, data in call.node.unpack(result).items():
        try:
            _pickle(data)
        except Exception as error:
            if name not in call.keepable:
                raise UnserialisableDataError(name, type(data), call.node.name) from error
            kept[name] = data
    return kept


def is_picklable(value: object) -> bool:
    """Tell whether a value can be sent to another process."""
    try:
        _pickle(value)
    except Exception:
        return False
    return True


def _portable(error: BaseException) -> BaseException:
    """Many classes of errors can be pickled but not read back; such an error is sent by name."""
    try:
        copied: BaseException = pickle.loads(_pickle(error))
    except Exception:
        return RemoteNodeError(error)
    return copied
