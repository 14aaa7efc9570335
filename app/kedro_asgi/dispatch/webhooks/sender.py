"""Sends notifications by HTTP."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import msgspec

from kedro_asgi.dispatch.stores.notifications import ClaimedNotification
from kedro_asgi.dispatch.webhooks.back_off import retry_after_seconds
from kedro_asgi.dispatch.webhooks.webhook import Webhook
from kedro_asgi.errors.wording import one_line, shortened
from kedro_asgi.redaction import redact
from kedro_asgi.trace_context import TraceHeaders

if TYPE_CHECKING:
    import httpx

_MAX_ANSWER_BYTES = 65_536
_ANSWER_SECONDS = 0.2
_GONE = 410
_MAX_PROBLEM_CHARACTERS = 500
_IS_SENDING: ContextVar[bool] = ContextVar("kedro_asgi_is_sending", default=False)


class _Run(msgspec.Struct, frozen=True):
    trace_context: TraceHeaders = {}


class _NotificationBody(msgspec.Struct, frozen=True):
    """The part of a stored notification that names the trace of its run."""

    data: _Run = _Run()


_NOTIFICATION = msgspec.json.Decoder(_NotificationBody)


class DeliveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended: well if there is no ``problem``. ``is_final``: the receiver wants no further attempt."""

    problem: str | None = None
    retry_after_seconds: float | None = None
    is_final: bool = False


class Sender:
    """Sends by one client, which `open_sender` makes; any number of attempts may run at a time."""

    def __init__(self, client: "httpx.AsyncClient") -> None:
        self._client = client

    async def send(self, webhook: Webhook, notification: ClaimedNotification, *, now: float) -> DeliveryAnswer:
        """Make one attempt, which ends within the time of the webhook; raises nothing but a cancellation."""
        seconds = webhook.options.timeout_seconds
        found: list[DeliveryAnswer] = []
        token = _IS_SENDING.set(True)
        try:
            with anyio.move_on_after(seconds):
                await self._post(webhook, notification, now, found)
        except Exception as error:  # such as a name that cannot be resolved, or a certificate that is not trusted
            reason = shortened(one_line(redact(str(error))), _MAX_PROBLEM_CHARACTERS)
            found.append(DeliveryAnswer(problem=f"{type(error).__name__}: {reason}"))
        finally:
            _IS_SENDING.reset(token)
        return found[0] if found else DeliveryAnswer(problem=f"It did not answer within {seconds:g} seconds.")

    async def _post(
        self, webhook: Webhook, notification: ClaimedNotification, now: float, found: list[DeliveryAnswer]
    ) -> None:
        """Put the answer into ``found`` as soon as its status is known: what comes later does not change it."""
        signed = webhook.signer.headers(notification.notification_id, int(now), notification.body)
        headers = {"content-type": "application/json", **_trace_headers(notification.body), **signed}
        async with self._client.stream("POST", webhook.url, content=notification.body, headers=headers) as response:
            found.append(_judge(response, now))
            await _read_a_little(response)


def _trace_headers(body: bytes) -> TraceHeaders:
    """Return the place in a trace of the caller of a run that has ended; the server that sends may be another one."""
    return _NOTIFICATION.decode(body).data.trace_context


@asynccontextmanager
async def open_sender() -> AsyncIterator[Sender]:
    """Make a client for this block. It follows no redirect, checks certificates, and takes proxies from variables."""
    with _addresses_hidden():
        async with await anyio.to_thread.run_sync(_make_client) as client:
            yield Sender(client)


@contextmanager
def _addresses_hidden() -> Iterator[None]:
    """Keep the addresses of webhooks out of the log of httpx for this block: an address may be a secret."""

    def is_of_others(record: logging.LogRecord) -> bool:
        return not _IS_SENDING.get()

    logger = logging.getLogger("httpx")
    logger.addFilter(is_of_others)
    try:
        yield
    finally:
        logger.removeFilter(is_of_others)


def _make_client() -> "httpx.AsyncClient":
    # Takes long, and so does the client, which reads the certificates that it trusts.
    from importlib.metadata import version

    import httpx

    return httpx.AsyncClient(
        timeout=None,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30),
        headers={"user-agent": f"kedro-asgi/{version('kedro-asgi')}"},
    )


async def _read_a_little(response: "httpx.Response") -> None:
    """Read a short answer, so that the connection can be used again; what is left of a longer one is cut."""
    size = 0
    with anyio.move_on_after(_ANSWER_SECONDS), suppress(Exception):
        async for part in response.aiter_raw():
            size += len(part)
            if size > _MAX_ANSWER_BYTES:
                return


def _judge(response: "httpx.Response", now: float) -> DeliveryAnswer:
    if response.is_success:
        return DeliveryAnswer()
    status = response.status_code
    suffix = ", and redirects are not followed" if response.is_redirect else ""
    return DeliveryAnswer(
        problem=f"It answered {status}{suffix}.",
        retry_after_seconds=retry_after_seconds(response.headers.get("retry-after"), now=now),
        is_final=status == _GONE,
    )
