"""The first event of a run names its trace, and so do the notifications of its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import anyio
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.webhooks import Notify, read_webhooks
from kedro_asgi.events import Published, RunQueued
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession
from kedro_asgi.webhook_options import WebhookOptions
from tracing.conftest import Spans
from webhook_receiver import SECRET, Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def runs(tiny: Path, spans: Spans) -> AsyncIterator[Dispatcher]:
    async with AsyncSession.create(tiny) as session, Dispatcher(session) as runs:
        yield runs


def caller() -> AbstractContextManager[trace.Span]:
    return trace.get_tracer("host").start_as_current_span("host")


def dropped_caller() -> AbstractContextManager[trace.Span]:
    return TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("host").start_as_current_span("host")


def trace_id(span: trace.Span) -> str:
    return f"{span.get_span_context().trace_id:032x}"


async def first_event(runs: Dispatcher, run_id: str) -> Published:
    first, *_ = [published async for published in runs.follow(run_id)]
    assert isinstance(first.event, RunQueued)
    return first


@pytest.mark.parametrize("make_caller", [caller, dropped_caller])
async def test_the_first_event_of_a_promised_run_names_the_trace_of_its_caller(
    runs: Dispatcher, make_caller: Callable[[], AbstractContextManager[trace.Span]]
) -> None:
    with make_caller() as span:
        record = await runs.submit()
    await runs.wait(record.run_id)
    assert (await first_event(runs, record.run_id)).event.trace_id == trace_id(span)


async def test_that_of_a_run_without_a_promise_does_if_the_trace_is_sampled(runs: Dispatcher) -> None:
    with caller() as span:
        record = (await runs.run(RunOrder(spec=RunSpec()))).record
    assert (await first_event(runs, record.run_id)).event.trace_id == trace_id(span)
    with dropped_caller():
        record = (await runs.run(RunOrder(spec=RunSpec()))).record
    assert b"trace_id" not in (await first_event(runs, record.run_id)).body


async def test_that_of_a_run_whose_caller_has_no_trace_is_as_without_tracing(runs: Dispatcher) -> None:
    record = await runs.submit()
    await runs.wait(record.run_id)
    assert b"trace_id" not in (await first_event(runs, record.run_id)).body


@pytest.mark.parametrize("is_traced", [True, False])
async def test_a_notification_carries_the_place_of_the_caller_in_its_trace(
    tiny: Path, spans: Spans, is_traced: bool
) -> None:
    with Receiver().serving() as receiver:
        options = {"ops": WebhookOptions(url=f"{receiver.url}/ok", secret_env="SECRET")}
        notify = Notify(webhooks=read_webhooks(options, environ={"SECRET": SECRET}, folder=tiny))
        async with AsyncSession.create(tiny) as session, Dispatcher(session, notify=notify) as runs:
            with caller() if is_traced else nullcontext():
                record = await runs.submit()
            with anyio.fail_after(60):
                while not receiver.deliveries:
                    await anyio.sleep(0.005)
    (delivery,) = receiver.deliveries
    delivery.verified()
    expected = record.trace_context["traceparent"] if is_traced else None
    assert delivery.headers.get("traceparent") == expected
