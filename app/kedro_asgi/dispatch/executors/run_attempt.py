"""One attempt of a run, in the thread that executes it: of the server, of a process for runs, or of a Dask worker."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from anyio.lowlevel import EventLoopToken

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.dispatch.report import report_failure
from kedro_asgi.events import Emit
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runner.async_nodes import HOST_LOOP
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal
from kedro_asgi.runs import ErrorDetail, RunId, RunSpec
from kedro_asgi.session import Convert

if TYPE_CHECKING:
    from kedro_asgi.session import KedroServiceSession


class RunAttempt(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Makes attempt ``RunSpec.attempt`` of a run; ``loop`` awaits its async nodes, and owns ``stop``."""

    run_id: RunId
    read_spec: Callable[[], RunSpec]
    find_session: "Callable[[], KedroServiceSession]"
    convert: Convert
    emit: Emit
    stop: StopSignal
    loop: EventLoopToken
    full_tracebacks: bool

    def execute(self) -> Execution:
        """Execute the run in this thread, in a context of its own, so that nothing is set back; raises nothing.

        An error of finding the session fails the run.
        """
        CURRENT_RUN.set((self.run_id, ()))
        HOST_LOOP.set(self.loop)
        STOP_SIGNAL.set(self.stop)
        spec: RunSpec | None = None
        session: KedroServiceSession | None = None
        try:
            spec = self.read_spec()
            session = self.find_session()
            CURRENT_RUN.set((self.run_id, spec.slice.pipeline_names))
            result = session.execute(
                spec, run_id=self.run_id, convert=self.convert, emit=self.emit, is_single_attempt=True
            )
            return Execution(outputs=result.outputs, output_problems=result.output_problems)
        except BaseException as error:  # a SystemExit of user code must not end the thread
            if self.stop.reason is not None:
                return Execution()
            seconds = None if spec is None or session is None else session.retry_delay_seconds(spec, error)
            # The failure is reported here, since a traceback shows lines of files, which are read for it.
            return Execution(error=self.report(error), retry_delay_seconds=seconds)

    def report(self, error: BaseException) -> ErrorDetail:
        """Describe and log ``error``; raises nothing, since a run whose thread ends here would never end."""
        try:
            return report_failure(self.run_id, error, with_our_frames=self.full_tracebacks)
        except BaseException as problem:  # an error of user code may raise anything when it is looked at
            return ErrorDetail(
                type=type(error).__qualname__, message=f"It cannot be described: {type(problem).__qualname__}"
            )
