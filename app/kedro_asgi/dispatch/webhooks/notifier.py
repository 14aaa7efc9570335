"""Delivers notifications: claims what is due, sends it, and stores the results."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import anyio
from anyio.abc import TaskGroup

from kedro_asgi.dispatch.messages import Written
from kedro_asgi.dispatch.metrics import Metrics
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.stores.notifications import (
    AttemptResult,
    ClaimedNotification,
    DueNotifications,
    NotificationClaim,
)
from kedro_asgi.dispatch.webhooks.deliveries import Deliveries
from kedro_asgi.dispatch.webhooks.notify import Notify
from kedro_asgi.dispatch.webhooks.sender import Sender, open_sender
from kedro_asgi.errors import StoreUnavailableError
from kedro_asgi.run_context import run_facts
from kedro_asgi.runs import FINAL

_log = SafeLogger(__name__)

_STORE_PAUSE_SECONDS = 1.0
# Workers take a lost lock again after a second, so no quicker looks may find them dead.
_THOROUGH_SECONDS = 1.0
# There may be millions while a receiver is down: those are counted each few minutes only.
_COUNTED_PER_SECOND = 10_000
# How long a server that shuts down goes on to deliver.
_LAST_SECONDS = 0.5


class Notifier:
    """Delivers the notifications of all workers, each while this one has a claim on it. Belongs to one event loop.

    The store has the truth: a result that is not stored yet is kept here until it is, and a claim whose answer was lost
    ends with the next one.
    """

    def __init__(
        self,
        notify: Notify,
        access: StoreAccess,
        recorder: Recorder,
        owner: str,
        policy: Policy,
        metrics: Metrics,
    ) -> None:
        self._notify = notify
        self._access = access
        self._recorder = recorder
        self._owner = owner
        self._metrics = metrics
        self._look_seconds = policy.look_seconds
        self._gather_seconds = policy.linger_seconds
        self._deliveries = {webhook.name: Deliveries(webhook, notify) for webhook in notify.webhooks}
        self.pending = 0
        self._settled: list[AttemptResult] = []
        self._is_unsure = True
        self._look_thoroughly_at = 0.0
        self._count_at = 0.0
        self._stop_asked = anyio.Event()
        self._changed = anyio.Event()
        self._stopped = anyio.Event()

    def states_written(self, written: Sequence[Written]) -> None:
        """States of runs are on disk: ends among them may have notifications."""
        if any(state.status in FINAL for state in written):
            self._changed.set()

    async def deliver(self) -> None:
        """Deliver until `stop`; an error ends all attempts that go on."""
        self._is_unsure = True
        for deliveries in self._deliveries.values():
            deliveries.forget_held()
        async with open_sender() as sender, anyio.create_task_group() as tasks:
            while not self._stop_asked.is_set():
                try:
                    await self._exchange(sender, tasks)
                except StoreUnavailableError:
                    # Attempts go on, and their results wait here.
                    self._is_unsure = True
                    with anyio.move_on_after(_STORE_PAUSE_SECONDS):
                        await self._stop_asked.wait()
                await self._wait()
            # Without a store, the next start delivers what is left.
            with anyio.move_on_after(_LAST_SECONDS), suppress(StoreUnavailableError):
                await self._finish(sender, tasks)
            tasks.cancel_scope.cancel()
        self._stopped.set()
        await anyio.sleep_forever()

    async def stop(self) -> None:
        """Deliver what can be in a moment, and leave the rest to other workers or the next start."""
        if self._stop_asked.is_set():
            return
        self._stop_asked.set()
        self._changed.set()
        with anyio.move_on_after(2 * _LAST_SECONDS):
            await self._stopped.wait()
        limits = dict.fromkeys(self._deliveries, 0)
        last = NotificationClaim(
            limits=limits, now_ms=self._notify.now_ms, settled=tuple(self._settled), held=(), fails_unknown=False
        )
        await self._recorder.execute(partial(self._claim, last))

    async def _finish(self, sender: Sender, tasks: TaskGroup) -> None:
        """Deliver what is due now: also the ends of runs that the shutdown has stopped."""
        while (
            await self._exchange(sender, tasks) or self._settled or any(each.held for each in self._deliveries.values())
        ):
            await self._wait()

    async def _wait(self) -> None:
        """Wait for an end of a run or of an attempt, but not long: other workers leave notifications, too."""
        with anyio.move_on_after(self._look_seconds):
            await self._changed.wait()
            # One transaction for all that happens in a moment.
            await anyio.sleep(self._gather_seconds)
        self._changed = anyio.Event()

    async def _exchange(self, sender: Sender, tasks: TaskGroup) -> bool:
        """Store results and claim what is due, in one transaction; without either, only read.

        Return whether anything was claimed.
        """
        due, pending = await self._access.read(self._look())
        if pending is not None:
            self.pending = pending
            self._count_at = anyio.current_time() + pending / _COUNTED_PER_SECOND
        # Together, without a pause between: a notification is held, or its result is among these.
        settled = tuple(self._settled)
        if not (settled or due.is_any or self._is_unsure):
            return False
        held = [held for each in self._deliveries.values() for held in each.held] if self._is_unsure else None
        claim = NotificationClaim(
            limits=self._limits(),
            now_ms=self._notify.now_ms,
            settled=settled,
            dead_owners=due.dead_owners,
            held=held,
            fails_unknown=due.has_unknown,
        )
        claimed = await self._recorder.execute(partial(self._claim, claim))
        self._is_unsure = False
        del self._settled[: len(settled)]
        for notification in claimed:
            deliveries = self._deliveries[notification.webhook]
            deliveries.hold(notification.notification_id)
            tasks.start_soon(self._attempt, deliveries, sender, notification)
        return bool(claimed)

    def _look(self) -> Callable[[Store], tuple[DueNotifications, int | None]]:
        limits, now_ms, time = self._limits(), self._notify.now_ms, anyio.current_time()
        is_thorough = time >= self._look_thoroughly_at
        if is_thorough:
            self._look_thoroughly_at = time + _THOROUGH_SECONDS
        counts = is_thorough and time >= self._count_at
        return lambda store: (
            store.due_notifications(self._owner, limits, now_ms=now_ms, is_thorough=is_thorough),
            store.count_pending_notifications() if counts else None,
        )

    def _limits(self) -> dict[str, int]:
        return {name: deliveries.room for name, deliveries in self._deliveries.items()}

    def _claim(self, claim: NotificationClaim, store: Store) -> list[ClaimedNotification]:
        return store.claim_notifications(self._owner, claim)

    async def _attempt(self, deliveries: Deliveries, sender: Sender, notification: ClaimedNotification) -> None:
        result = await deliveries.attempt(sender, notification)
        self._settled.append(result)
        deliveries.settle(notification.notification_id)
        self._tell(deliveries, notification, result)
        self._changed.set()

    def _tell(self, deliveries: Deliveries, notification: ClaimedNotification, result: AttemptResult) -> None:
        """Count an attempt; log the first of several failures, and each notification that is given up."""
        name, facts = deliveries.webhook.name, run_facts(notification.run_id)
        if result.problem is None:
            self._metrics.notification_attempted(name, "delivered")
            if deliveries.note_result(is_failing=False):
                _log.info("The webhook '%s' takes notifications again.", name)
            return
        if result.attempts == notification.attempts:
            return
        is_first = deliveries.note_result(is_failing=True)
        if result.due_at_ms is None:
            self._metrics.notification_attempted(name, "failed")
            text = "The webhook '%s' was not told of run %s, after %s attempts: %s"
            _log.error(text, name, notification.run_id, result.attempts, result.problem, extra=facts)
        else:
            self._metrics.notification_attempted(name, "retried")
            if is_first:
                text = "The webhook '%s' cannot be told of run %s; this and others are tried again: %s"
                _log.warning(text, name, notification.run_id, result.problem, extra=facts)
