"""The values of a run that go from the process that executes it to the server."""

from logging import LogRecord
from pickle import PickleBuffer
from typing import Any

import msgspec

from kedro_asgi.dispatch.executors.base import Execution

# Smaller outputs are a part of the message that names them.
_LARGE_OUTPUT_BYTES = 64 * 2**10
_PLAIN_TYPES = frozenset((str, int, float, bool, type(None)))


class _LargeOutput(msgspec.Struct, frozen=True, eq=False):
    """JSON that is pickled out of band, and is a `msgspec.Raw` again where it is read."""

    json: msgspec.Raw

    def __reduce__(self) -> tuple[Any, ...]:
        return msgspec.Raw, (PickleBuffer(self.json),)


def sendable(execution: Execution) -> Execution:
    """Return ``execution`` with large JSON as buffers beside its pickle."""
    outputs = {name: _sendable(value) for name, value in execution.outputs.items()}
    return msgspec.structs.replace(execution, outputs=outputs)


def plain_record(record: LogRecord) -> LogRecord:
    """Return a record without attributes that the server could not read, such as objects in ``extra``."""
    plain = LogRecord(record.name, record.levelno, record.pathname, record.lineno, record.msg, None, None)
    plain.__dict__.update((name, value) for name, value in record.__dict__.items() if _is_plain(value))
    return plain


def _sendable(value: Any) -> Any:
    is_large = isinstance(value, msgspec.Raw) and memoryview(value).nbytes > _LARGE_OUTPUT_BYTES
    return _LargeOutput(value) if is_large else value


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN_TYPES or (type(value) is dict and _PLAIN_TYPES.issuperset(map(type, value.values())))
