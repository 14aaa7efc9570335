"""One attempt of a run in a process that executes it for a server, and the values that go to the server."""

from collections.abc import Callable
from logging import LogRecord
from pickle import PickleBuffer
from typing import Any

import msgspec
from anyio.lowlevel import EventLoopToken

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.events import Emit
from kedro_asgi.outcome import Outcome
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runner.async_nodes import HOST_LOOP
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, ChunkStream
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal
from kedro_asgi.runs import ErrorDetail, RunId, RunSpec
from kedro_asgi.session import Convert, KedroServiceSession
from kedro_asgi.trace_context import TraceHeaders
from kedro_asgi.tracing.activation import continue_trace

# Smaller outputs are a part of the message that names them.
_LARGE_OUTPUT_BYTES = 64 * 2**10
_PLAIN_TYPES = frozenset((str, int, float, bool, type(None)))


class RemoteRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An attempt of a run for this process; ``loop`` awaits its async nodes, and ``stop`` belongs to that loop.

    ``chunks`` takes what its generator nodes yield, where a reader wants that.
    """

    run_id: RunId
    read_spec: Callable[[], RunSpec]
    convert: Convert
    emit: Emit
    stop: StopSignal
    loop: EventLoopToken
    full_tracebacks: bool
    chunks: ChunkStream | None = None
    trace_context: TraceHeaders | msgspec.UnsetType = msgspec.UNSET

    def execute(self, session: Outcome[KedroServiceSession]) -> Execution:
        """Execute the run in this thread, in a context of its own, so that nothing is set back; raises nothing.

        An error of ``session`` fails the run.
        """
        CURRENT_RUN.set((self.run_id, ()))
        HOST_LOOP.set(self.loop)
        STOP_SIGNAL.set(self.stop)
        CHUNK_STREAM.set(self.chunks)
        continue_trace(self.trace_context)
        spec: RunSpec | None = None
        try:
            spec = self.read_spec()
            opened = session.value()
            CURRENT_RUN.set((self.run_id, spec.slice.pipeline_names))
            result = opened.execute(
                spec, run_id=self.run_id, convert=self.convert, emit=self.emit, is_single_attempt=True
            )
            return Execution(outputs=result.outputs, output_problems=result.output_problems)
        except BaseException as error:  # a SystemExit of user code must not end the process
            if self.stop.reason is not None:
                return Execution()
            seconds = None
            if spec is not None and session.error is None:
                seconds = session.value().retry_after_seconds(spec, error)
            return Execution(error=self.report(error), retry_after_seconds=seconds)

    def report(self, error: BaseException) -> ErrorDetail:
        """Describe and log ``error``; raises nothing."""
        try:
            return report_failure(self.run_id, error, with_our_frames=self.full_tracebacks)
        except BaseException as problem:  # an error of user code may raise anything when it is looked at
            return ErrorDetail(
                type=type(error).__qualname__, message=f"It cannot be described: {type(problem).__qualname__}"
            )


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
