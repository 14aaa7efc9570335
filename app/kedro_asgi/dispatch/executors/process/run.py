"""A run that a process executes, as the server sees it."""

from collections.abc import Callable

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.executors.remote_run import RemoteRun
from kedro_asgi.dispatch.executors.run_replies import NodesAtWork
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.errors import RunCrashedError, RunStoppedError
from kedro_asgi.events import Event
from kedro_asgi.failures import note_node
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM


class ProcessRun:
    """One run in a process. The reasons of its end belong to it, so none is taken for that of another run."""

    def __init__(self, given: RemoteRun) -> None:
        self.given = given
        self.run_id = given.run_id
        self._nodes = NodesAtWork()
        self._stop_reason: RunStoppedError | None = None
        self._kill_reason: Callable[[str | None], Exception] | None = None

    # --- any thread ---

    def note_stop(self, reason: RunStoppedError) -> None:
        """Note why the run is asked to stop."""
        self._stop_reason = reason
        self.release_chunks()

    def note_kill(self, reason: Callable[[str | None], Exception]) -> None:
        """Note why the process of the run is killed; ``reason`` makes the error of the run from its node."""
        self._kill_reason = reason
        self.release_chunks()

    def release_chunks(self) -> None:
        """Let no thread wait for the reader of the run: the process cannot stop while its pipe is full."""
        if (stream := self.given.context.get(CHUNK_STREAM)) is not None:
            stream.release()

    # --- the thread of the process, in the context of the run ---

    def take_event(self, event: Event) -> None:
        """Pass an event of the process on."""
        self._nodes.note(event)
        self.given.emit(event)

    def end_nodes(self) -> None:
        """Emit the ends of nodes that were killed or interrupted."""
        is_cancelled = self._stop_reason is not None and self._kill_reason is None
        self._nodes.end(self.run_id, self.given.emit, is_cancelled=is_cancelled)

    def fail(self, error: Exception) -> Execution:
        """Return the end of a run that the server fails."""
        return Execution(error=report_failure(self.run_id, error))

    def end_crashed(self, *, exit_code: int | None, was_ready: bool, is_cut_off: bool) -> Execution:
        """Return why a run has no end of its own: it was stopped, or its process has ended."""
        self.end_nodes()
        at_work = self._nodes.first
        if self._kill_reason is not None:
            error = self._kill_reason(at_work)
        elif self._stop_reason is not None:
            return Execution()
        else:
            error = RunCrashedError(exit_code=exit_code, node=at_work, was_ready=was_ready, is_cut_off=is_cut_off)
        if at_work is not None:
            note_node(error, at_work)
        seconds = self.given.retry_delay_seconds(error)
        return Execution(error=report_failure(self.run_id, error), has_crashed=True, retry_delay_seconds=seconds)
