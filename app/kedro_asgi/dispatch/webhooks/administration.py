"""The operators' side of notifications: list them, and send one again."""

from kedro_asgi.dispatch.service import Service
from kedro_asgi.dispatch.stores.notifications import StoredNotification
from kedro_asgi.dispatch.webhooks.notify import Notify, give_up_ms, is_notification_id
from kedro_asgi.errors import NotificationNotFoundError, WebhookNotFoundError


async def send_again(service: Service, notify: Notify | None, notification_id: str) -> StoredNotification:
    """Have a failed notification tried again, at once; one that is pending stays as it is.

    Raises `NotificationNotFoundError` or `WebhookNotFoundError`.
    """
    if not is_notification_id(notification_id):
        # Only ids go to the store: there is text that databases do not take.
        raise NotificationNotFoundError(notification_id)
    found = await service.access.read(lambda store: store.read_notification(notification_id))
    if found is None:
        raise NotificationNotFoundError(notification_id)
    webhooks = () if notify is None else notify.webhooks
    webhook = next((webhook for webhook in webhooks if webhook.name == found.webhook), None)
    if notify is None or webhook is None:
        raise WebhookNotFoundError(found.webhook)
    if found.state == "pending":
        return found
    now_ms = notify.now_ms
    again = await service.recorder.execute(
        lambda store: store.send_notification_again(
            notification_id, now_ms=now_ms, give_up_at_ms=now_ms + give_up_ms(webhook)
        )
    )
    if again is None:
        raise NotificationNotFoundError(notification_id)
    return again
