"""The routes of operators for notifications of webhooks; no route changes a webhook."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.stores.notifications import NotificationState, StoredNotification
from kedro_asgi.schemas import Notification, NotificationList
from kedro_asgi.server.errors import json_response
from kedro_asgi.server.queries import notification_query


class NotificationRoutes:
    """``GET /notifications`` and ``POST /notifications/{notification_id}/send``."""

    def __init__(self, runs: Dispatcher) -> None:
        self._runs = runs

    def table(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/notifications", self.list, methods=["GET"]),
            Route("/notifications/{notification_id}/send", self.send, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """List notifications that are not delivered."""
        page = await self._runs.notifications(notification_query(request))
        counts: dict[str, dict[NotificationState, int]] = {}
        for (webhook, state), count in (await self._runs.count_notifications()).items():
            counts.setdefault(webhook, {"pending": 0, "failed": 0})[state] = count
        found = tuple(map(_shown, page.notifications))
        return json_response(NotificationList(notifications=found, counts=counts, cursor=page.cursor))

    async def send(self, request: Request) -> Response:
        """Try a failed notification again; respond 202."""
        found = await self._runs.send_notification_again(request.path_params["notification_id"])
        return json_response(_shown(found), status_code=202)


def _shown(found: StoredNotification) -> Notification:
    return Notification(
        notification_id=found.notification_id,
        run_id=found.run_id,
        webhook=found.webhook,
        state=found.state,
        attempts=found.attempts,
        created_at=_time(found.created_at_ms),
        next_attempt_at=None if found.due_at_ms is None else _time(found.due_at_ms),
        problem=found.problem,
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
