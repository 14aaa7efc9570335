"""Tell the server in one line why the application does not start."""

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.errors.wording import one_line
from kedro_asgi.failures import describe_failure


class StartupErrorMiddleware:
    """Replaces the traceback of a start-up that failed by the error, if it is ours; servers log that text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but that text."""
        await self._app(scope, receive, _shortening(send) if scope["type"] == "lifespan" else send)


def startup_sentence(error: KedroAsgiError) -> str:
    """Return one line that tells an operator why a server does not start."""
    detail = describe_failure(error)
    return f"{detail.type}: {one_line(detail.message)}"


def _shortening(send: Send) -> Send:
    async def send_shortened(message: Message) -> None:
        # Starlette sends the message while it handles the error.
        error = sys.exception()
        if message["type"] == "lifespan.startup.failed" and isinstance(error, KedroAsgiError):
            message = {**message, "message": startup_sentence(error)}
        await send(message)

    return send_shortened
