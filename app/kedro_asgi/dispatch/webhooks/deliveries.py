"""The deliveries of one webhook by one worker."""

from collections.abc import Collection

import anyio

from kedro_asgi.dispatch.stores.notifications import AttemptResult, ClaimedNotification
from kedro_asgi.dispatch.webhooks.notify import Notify
from kedro_asgi.dispatch.webhooks.sender import DeliveryAnswer, Sender
from kedro_asgi.dispatch.webhooks.webhook import Webhook

# How many times as many are claimed as are sent at once, so that not each of them needs a claim.
_CLAIMS_AHEAD = 8
_WAITS = "The receiver asked to wait (Retry-After), so this notification has waited, too."


class Deliveries:
    """Sends what this worker has claimed for one webhook, a few at a time; belongs to the event loop.

    Each webhook has its own, so one that does not answer delays no other.
    """

    def __init__(self, webhook: Webhook, notify: Notify) -> None:
        self.webhook = webhook
        self._held: set[str] = set()
        self._is_failing = False
        self._notify = notify
        self._slots = anyio.Semaphore(webhook.options.max_concurrent)
        self._resume_at_ms = 0

    @property
    def held(self) -> Collection[str]:
        """The ids of the notifications that this worker has a claim on, until their attempts are over."""
        return self._held

    def hold(self, notification_id: str) -> None:
        """Note that this worker has a claim on a notification."""
        self._held.add(notification_id)

    def settle(self, notification_id: str) -> None:
        """Note that the attempt of a notification is over."""
        self._held.discard(notification_id)

    def forget_held(self) -> None:
        """Note that no attempt goes on."""
        self._held.clear()

    def note_result(self, *, is_failing: bool) -> bool:
        """Note whether the webhook takes notifications; return whether that has changed."""
        was_failing, self._is_failing = self._is_failing, is_failing
        return was_failing != is_failing

    @property
    def room(self) -> int:
        """How many notifications may be claimed now; none while the receiver has asked to wait."""
        if self._notify.now_ms < self._resume_at_ms:
            return 0
        return max(0, self.webhook.options.max_concurrent * _CLAIMS_AHEAD - len(self._held))

    async def attempt(self, sender: Sender, notification: ClaimedNotification) -> AttemptResult:
        """Make one attempt when there is a slot for it, and return what is to be stored."""
        async with self._slots:
            if self._notify.now_ms < self._resume_at_ms:
                return AttemptResult(
                    notification_id=notification.notification_id,
                    attempts=notification.attempts,
                    problem=_WAITS,
                    due_at_ms=self._resume_at_ms,
                )
            answer = await sender.send(self.webhook, notification, now=self._notify.now())
        now_ms = self._notify.now_ms
        if answer.retry_after_seconds is not None:
            self._resume_at_ms = now_ms + int(answer.retry_after_seconds * 1000)
        return _result(notification, answer, self._notify, now_ms)


def _result(notification: ClaimedNotification, answer: DeliveryAnswer, notify: Notify, now_ms: int) -> AttemptResult:
    attempts = notification.attempts + 1
    if answer.problem is None:
        return AttemptResult(notification_id=notification.notification_id, attempts=attempts)
    due_at_ms: int | None = None
    if not answer.is_final and now_ms < notification.give_up_at_ms:
        # The last attempt is made when the time for attempts is over.
        due_at_ms = now_ms + int(notify.back_off.wait_seconds(attempts, notify.chance) * 1000)
        due_at_ms = min(due_at_ms, notification.give_up_at_ms)
        due_at_ms = max(due_at_ms, now_ms + int((answer.retry_after_seconds or 0) * 1000))
    return AttemptResult(
        notification_id=notification.notification_id, attempts=attempts, problem=answer.problem, due_at_ms=due_at_ms
    )
