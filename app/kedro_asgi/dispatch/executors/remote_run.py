"""A run that an executor passes on to another process or to a cluster."""

from collections.abc import Callable
from functools import partial
from typing import Self

from anyio.lowlevel import EventLoopToken

from kedro_asgi.dispatch.executors.base import Execution, GivenRun
from kedro_asgi.dispatch.run_logging import LINE_EMITTER
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.event_loop import call_soon


class RemoteRun(GivenRun, frozen=True, kw_only=True, eq=False):
    """A run whose end any thread may announce.

    ``retry_delay_seconds`` tells whether the run is tried again after its process or its worker was lost.
    """

    retry_delay_seconds: Callable[[Exception], float | None]

    @classmethod
    def of(cls, session: AsyncSession, loop: EventLoopToken, run: GivenRun) -> Self:
        """Return a run of ``session`` whose end ``loop`` learns."""
        return cls(
            run_id=run.run_id,
            read_spec=run.read_spec,
            pipeline_names=run.pipeline_names,
            context=run.context,
            emit=run.emit,
            ended=partial(_announce, loop, run.ended),
            retry_delay_seconds=partial(_retry_delay_seconds, session, run.read_spec),
        )

    def enter(self) -> None:
        """Have log lines of this context name the run; the context is the run's own, so that nothing is set back."""
        LINE_EMITTER.set((self.run_id, self.emit))
        CURRENT_RUN.set((self.run_id, self.pipeline_names))


def _announce(loop: EventLoopToken, ended: Callable[[Execution], None], execution: Execution) -> None:
    call_soon(loop, partial(ended, execution))


def _retry_delay_seconds(session: AsyncSession, read_spec: Callable[[], RunSpec], error: Exception) -> float | None:
    opened = session.prepared
    try:
        return None if opened is None else opened.retry_delay_seconds(read_spec(), error)
    except Exception:  # the order cannot be read, and the record of the run has that error
        return None
