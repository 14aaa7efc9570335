"""A run that an executor gives to a process or to a cluster."""

from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Self

import msgspec
from anyio.lowlevel import EventLoopToken

from kedro_asgi.dispatch.executors.base import Execution
from kedro_asgi.events import Emit
from kedro_asgi.runs import RunId, RunSpec
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.event_loop import call_soon


class GivenRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The arguments of `Executor.start`, but any thread may call ``ended``.

    ``retry_after_seconds`` tells whether the run is tried again after its process or its worker was lost.
    """

    run_id: RunId
    read_spec: Callable[[], RunSpec]
    pipeline_names: tuple[str, ...]
    context: Context
    emit: Emit
    ended: Callable[[Execution], None]
    retry_after_seconds: Callable[[Exception], float | None]

    @classmethod
    def of(
        cls,
        session: AsyncSession,
        loop: EventLoopToken,
        run_id: RunId,
        read_spec: Callable[[], RunSpec],
        *,
        pipeline_names: tuple[str, ...],
        context: Context,
        emit: Emit,
        ended: Callable[[Execution], None],
    ) -> Self:
        """Return a run of ``session`` whose end ``loop`` learns."""
        return cls(
            run_id=run_id,
            read_spec=read_spec,
            pipeline_names=pipeline_names,
            context=context,
            emit=emit,
            ended=partial(_announce, loop, ended),
            retry_after_seconds=partial(_retry_after_seconds, session, read_spec),
        )


def _announce(loop: EventLoopToken, ended: Callable[[Execution], None], execution: Execution) -> None:
    call_soon(loop, partial(ended, execution))


def _retry_after_seconds(session: AsyncSession, read_spec: Callable[[], RunSpec], error: Exception) -> float | None:
    opened = session.prepared
    try:
        return None if opened is None else opened.retry_after_seconds(read_spec(), error)
    except Exception:  # the order cannot be read, and the record of the run has that error
        return None
