"""The means by which a service tells webhooks of the ends of runs."""

import random
import re
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b

import msgspec

from kedro_asgi.dispatch.stores.notifications import NewNotification
from kedro_asgi.dispatch.webhooks.back_off import BackOff
from kedro_asgi.dispatch.webhooks.webhook import Webhook
from kedro_asgi.encoding import encode_json
from kedro_asgi.runs import RunRecord

_HOUR_MS = 3_600_000
_NOTIFICATION_ID = re.compile("msg_[0-9a-f]{32}")
# Not the module's own generator: nodes and tests that seed it expect no other thread to draw from it.
_RANDOM = random.SystemRandom()


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a notification: ``data`` is the record of the run, ``url`` its address where a server has one."""

    type: str
    timestamp: str
    data: RunRecord
    url: str | None = None


class Notify(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The webhooks of a service, and when they are tried again.

    ``public_url`` is the address under which receivers can reach the server. ``now`` returns seconds since 1970, and
    ``chance`` a number from 0 to 1.
    """

    webhooks: tuple[Webhook, ...]
    public_url: str | None = None
    back_off: BackOff = BackOff()
    now: Callable[[], float] = time.time
    chance: Callable[[], float] = _RANDOM.random

    @property
    def now_ms(self) -> int:
        """The time in milliseconds since 1970."""
        return int(self.now() * 1000)

    def notifications(self, record: RunRecord) -> tuple[NewNotification, ...]:
        """Return the notifications of a run that has ended; the same ones each time. Any thread may call this."""
        wanted = [webhook for webhook in self.webhooks if webhook.wants(record)]
        return tuple(self._notifications(record, wanted)) if wanted else ()

    def _notifications(self, record: RunRecord, webhooks: list[Webhook]) -> Iterator[NewNotification]:
        ended_at = record.ended_at or record.created_at
        body = Body(
            type="run.ended",
            timestamp=ended_at.isoformat(),
            data=record,
            url=None if self.public_url is None else f"{self.public_url}/runs/{record.run_id}",
        )
        content, ended_at_ms = encode_json(body), int(ended_at.timestamp() * 1000)
        for webhook in webhooks:
            yield NewNotification(
                notification_id=notification_id(record.run_id, webhook.name),
                run_id=record.run_id,
                webhook=webhook.name,
                body=content,
                created_at_ms=ended_at_ms,
                give_up_at_ms=ended_at_ms + give_up_ms(webhook),
            )


def notification_id(run_id: str, webhook: str) -> str:
    """Return the id of a run's notification: always the same, so a transaction that is repeated adds nothing.

    It has no full stop, which separates what is signed.
    """
    return f"msg_{blake2b(f'{webhook} {run_id}'.encode(), digest_size=16).hexdigest()}"


def is_notification_id(text: str) -> bool:
    """Tell whether ``text`` has the form of the id of a notification."""
    return _NOTIFICATION_ID.fullmatch(text) is not None


def give_up_ms(webhook: Webhook) -> int:
    """Return for how many milliseconds attempts are made."""
    return int(webhook.options.give_up_after_hours * _HOUR_MS)
