"""Webhooks: tell other services of the ends of runs."""

from kedro_asgi.dispatch.webhooks.notify import Notify
from kedro_asgi.dispatch.webhooks.webhook import Webhook, read_webhooks

__all__ = ["Notify", "Webhook", "read_webhooks"]
