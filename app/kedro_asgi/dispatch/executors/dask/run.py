"""A run that a server has given to a Dask cluster."""

from collections.abc import Callable
from functools import partial

import msgspec

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.dask.channel import size_of
from kedro_asgi.dispatch.executors.message_pickle import Buffer, decode_message, encode_message
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.executors.run_replies import NodesAtWork, log_safely, unsendable_error
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.errors import (
    KedroAsgiError,
    RunStoppedError,
    UnplaceableRunError,
    UnsendableValueError,
    ValueTooLargeError,
    WorkerLostError,
    error_type,
)
from kedro_asgi.events import Event
from kedro_asgi.failures import note_node
from kedro_asgi.run_context import CURRENT_NODE
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk, ChunkStream
from kedro_asgi.session import Convert
from kedro_asgi.trace_context import TraceHeaders, current_trace_headers


class DaskRun:
    """One run on a cluster, as its server sees it; belongs to the event loop that talks to the cluster.

    ``ticket_id`` is that of its last placement. ``worker`` is the address of the worker that gets the order, and so the
    run.
    """

    def __init__(self, run: RemoteRun) -> None:
        self.given = run
        self.run_id = run.run_id
        self.ticket_id = ""
        self.worker: str | None = None
        self.stop_reason: RunStoppedError | None = None
        self._nodes = NodesAtWork()
        run.context.run(run.enter)

    def renew_ticket(self, ticket_id: str) -> None:
        """Note the ticket of a new placement."""
        self.ticket_id = ticket_id

    def assign(self, worker: str) -> None:
        """Note the worker that gets the order."""
        self.worker = worker

    def note_stop(self, reason: RunStoppedError) -> None:
        """Note why the run is to stop; the first reason counts."""
        self.stop_reason = self.stop_reason or reason

    @property
    def _stream(self) -> ChunkStream | None:
        return self.given.context.get(CHUNK_STREAM)

    @property
    def streamed(self) -> frozenset[str]:
        """The outputs whose chunks a reader wants as they are made."""
        return frozenset() if self._stream is None else self._stream.names

    @property
    def trace_context(self) -> TraceHeaders | msgspec.UnsetType:
        """The place of the run in its trace."""
        return self.given.context.run(current_trace_headers)

    # --- any thread ---

    def encode_order(self, convert: Convert, *, max_bytes: int) -> list[Buffer]:
        """Return the order for the worker; raises why it cannot go there."""
        read_spec = self.given.read_spec
        try:
            parts = encode_message((read_spec, convert))
        except Exception as problem:  # whatever values of a caller raise
            raise unsendable_error(read_spec, problem) from problem
        if (size := size_of(parts)) > max_bytes:
            raise ValueTooLargeError("The inputs", size_bytes=size, limit_bytes=max_bytes)
        return parts

    # --- event loop ---

    def take_event(self, event: Event) -> None:
        """Pass an event of the worker on."""
        self._nodes.note(event)
        self.given.emit(event)

    def take_chunk(self, chunk: Chunk, taken: Callable[[], None]) -> None:
        """Pass on what a generator node has yielded; ``taken`` is called when the reader has it, from any thread."""
        if (stream := self._stream) is not None:
            stream.give_soon(chunk, taken)

    def take_record(self, parts: list[Buffer], node: str | None) -> None:
        """Log a record of the worker here."""
        self.given.context.run(partial(_log, parts, node))

    def end(self, execution: Execution) -> None:
        """The run has ended."""
        self._nodes.end(self.run_id, self.given.emit, is_cancelled=self.stop_reason is not None)
        self.given.ended(execution)

    def fail(self, error: Exception) -> None:
        """End the run with an error of this side."""
        self.end(Execution(error=self.given.context.run(report_failure, self.run_id, error)))

    def end_lost(self, *, was_alone: bool) -> None:
        """End a run whose worker is lost: as stopped if it was asked to stop, else as interrupted.

        A run that ``was_alone`` on the worker may have ended it.
        """
        if self.stop_reason is not None:
            self.end(Execution())
            return
        error = WorkerLostError(self.worker or "", node=self._nodes.first)
        if self._nodes.first is not None:
            note_node(error, self._nodes.first)
        seconds = self.given.context.run(self.given.retry_delay_seconds, error)
        described = self.given.context.run(report_failure, self.run_id, error)
        execution = Execution(error=described, has_crashed=was_alone, is_interrupted=True, retry_delay_seconds=seconds)
        self.end(execution)

    def end_replied(self, parts: list[Buffer]) -> None:
        """End the run as the worker says."""
        try:
            execution = decode_message(parts)
        except Exception as problem:  # a class of the project that is not restored here
            self.fail(UnsendableValueError("A message of the worker", f"{error_type(problem)}: {problem}"))
        else:
            self.end(execution)


def placement_error(error: BaseException) -> Exception:
    """Return the error of a run for which Dask finds no worker."""
    return error if isinstance(error, KedroAsgiError) else UnplaceableRunError(f"{error_type(error)}: {error}")


def _log(parts: list[Buffer], node: str | None) -> None:
    CURRENT_NODE.set(node)
    log_safely(decode_message(parts))
