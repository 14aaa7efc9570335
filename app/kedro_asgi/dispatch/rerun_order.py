"""The order of a run that repeats another one."""

import msgspec

from kedro_asgi.dispatch.run_reads import read_finished_nodes, read_run
from kedro_asgi.dispatch.run_request import read_request
from kedro_asgi.dispatch.service import Service
from kedro_asgi.errors import (
    KedroAsgiError,
    NothingToResumeError,
    OrderNotKeptError,
    RunNotEndedError,
    UnreadableRunError,
)
from kedro_asgi.failures import failure_sentence
from kedro_asgi.run_ids import save_version
from kedro_asgi.runs import RunOrder, RunRecord
from kedro_asgi.session import AsyncSession


async def repeated_order(service: Service, session: AsyncSession, run_id: str, *, from_failure: bool) -> RunOrder:
    """Return an order for what a run was to do, or for what it has left undone.

    Raises `RunNotFoundError`, `RunNotEndedError`, `OrderNotKeptError` or `NothingToResumeError`.
    """
    record = await read_run(service, run_id)
    if not record.is_final:
        raise RunNotEndedError(run_id, record.status, "it can be repeated when it has ended")
    if from_failure and record.status == "success":
        raise NothingToResumeError(run_id, "it has succeeded")
    order = msgspec.structs.replace(await _kept_order(service, record), key=None, rerun_of=record.run_id)
    return await _rest_of(order, service, session) if from_failure else order


async def _kept_order(service: Service, record: RunRecord) -> RunOrder:
    packed = await service.access.read(lambda store: store.read_order(record.run_id))
    if packed is not None:
        try:
            return packed.read_order()
        except UnreadableRunError as error:
            raise OrderNotKeptError(record.run_id) from error
    # A run without a promise has no order in the store.
    spec = read_request(record.request)
    if spec is None:
        raise OrderNotKeptError(record.run_id)
    return RunOrder(spec=spec, labels=record.labels, timeout_seconds=record.timeout_seconds)


async def _rest_of(order: RunOrder, service: Service, session: AsyncSession) -> RunOrder:
    """Return an order for the nodes that the run to repeat has not finished, and for what follows."""
    assert order.rerun_of is not None
    run_id = order.rerun_of
    finished, attempt = await read_finished_nodes(service, run_id)
    outcome = await session.in_free_thread(
        lambda opened: opened.resume(order.spec, finished=finished, save_version=save_version(run_id, attempt))
    )
    match outcome.error:
        case None:
            return msgspec.structs.replace(order, spec=outcome.value())
        case KedroAsgiError() as error:
            raise NothingToResumeError(run_id, failure_sentence(error)) from error
        case LookupError() as error:
            raise NothingToResumeError(run_id, str(error)) from error
        case error:
            raise NothingToResumeError(run_id, failure_sentence(error)) from error
