"""The contract of a store for notifications of webhooks, and the structs that go in and come out.

A notification is one message to one webhook about the end of one run. It is pending until the webhook has taken it, or
until it has failed for good; one that was delivered is deleted. Times are milliseconds since 1970.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from kedro_asgi.run_ids import is_run_id
from kedro_asgi.webhook_options import is_webhook_name

NotificationState = Literal["pending", "failed"]
AttemptOutcome = Literal["delivered", "retried", "failed"]

CURSOR_SEPARATOR = "~"
"""The text between the run and the webhook of the last notification of a page, in its cursor."""


class NewNotification(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A notification that is stored with the end of its run; ``give_up_at_ms`` is the end of its attempts."""

    notification_id: str
    run_id: str
    webhook: str
    body: bytes
    created_at_ms: int
    give_up_at_ms: int


class ClaimedNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that one worker delivers; ``attempts`` have failed so far."""

    notification_id: str
    run_id: str
    webhook: str
    body: bytes
    attempts: int
    give_up_at_ms: int


class AttemptResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an attempt: delivered if there is no ``problem``, else due again at ``due_at_ms``, or failed."""

    notification_id: str
    attempts: int
    problem: str | None = None
    due_at_ms: int | None = None


class StoredNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification as operators see it; ``due_at_ms`` is ``None`` for one that has failed."""

    notification_id: str
    run_id: str
    webhook: str
    state: NotificationState
    attempts: int
    created_at_ms: int
    due_at_ms: int | None
    problem: str | None


class NotificationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The notifications to list, those of the newest runs first; ``None`` is no filter.

    ``cursor`` is that of an earlier page.
    """

    state: NotificationState | None = None
    webhook: str | None = None
    limit: int = 50
    cursor: str | None = None


class NotificationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of notifications; ``cursor`` leads to those of older runs, ``None`` if there are none."""

    notifications: tuple[StoredNotification, ...]
    cursor: str | None = None


class DueNotifications(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a claim would find something.

    Only a thorough look tells whether notifications of unknown webhooks have to fail, and the dead workers that still
    have claims.
    """

    is_any: bool
    has_unknown: bool = False
    dead_owners: tuple[str, ...] = ()


class NotificationClaim(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a worker's attempts, and how many notifications of each webhook it wants next (``limits``).

    ``held`` are those that it has a claim on, where it is not sure that the store knows. With ``fails_unknown``, a
    pending notification of a webhook that is not in ``limits`` fails when its time is over.
    """

    limits: Mapping[str, int]
    now_ms: int
    settled: Sequence[AttemptResult] = ()
    dead_owners: Sequence[str] = ()
    held: Sequence[str] | None = None
    fails_unknown: bool = True


class NotificationQueue(Protocol):
    """Lends notifications to workers, so that one worker at a time tries each."""

    def due_notifications(
        self, owner: str, limits: Mapping[str, int], *, now_ms: int, is_thorough: bool = True
    ) -> DueNotifications:
        """Tell whether `claim_notifications` would find something with these ``limits``.

        A thorough look also looks for dead workers, so there is at most one a second: a living worker that has lost its
        lock takes it again a second later.
        """

    def count_pending_notifications(self) -> int:
        """Return how many are pending; the time that this takes grows with their number."""

    def claim_notifications(self, owner: str, claim: NotificationClaim) -> list[ClaimedNotification]:
        """Store the results of a claim, then lend ``owner`` the due notifications that it wants.

        Claims of ``dead_owners`` end, and so do those of ``owner`` on all but ``held``, where that is given.
        """


class NotificationReader(Protocol):
    """Shows notifications to operators, who may have one sent again."""

    def list_notifications(self, query: NotificationQuery) -> NotificationPage:
        """Return a page of notifications."""

    def read_notification(self, notification_id: str) -> StoredNotification | None:
        """Return a notification."""

    def count_notifications(self) -> Mapping[tuple[str, NotificationState], int]:
        """Return how many notifications each webhook has in each state."""

    def send_notification_again(
        self, notification_id: str, *, now_ms: int, give_up_at_ms: int
    ) -> StoredNotification | None:
        """Make a failed notification pending again, and due now; return it, ``None`` if there is none in the store.

        One that is pending stays as it is.
        """


def is_cursor(text: str) -> bool:
    """Tell whether ``text`` has the form of the cursor of a page."""
    run_id, _, webhook = text.partition(CURSOR_SEPARATOR)
    return is_run_id(run_id) and is_webhook_name(webhook)
