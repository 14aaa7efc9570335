"""The requests of an agent that are not answered yet."""

import anyio
from mcp.server.context import CallNext, HandlerResult

from kedro_asgi.server.mcp.permissions import Context


class OpenRequests:
    """Counts requests; a middleware of the SDK's server."""

    def __init__(self) -> None:
        self._count = 0
        self._answered = anyio.Event()

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Pass a message on."""
        self._count += 1
        try:
            return await call_next(ctx)
        finally:
            self._count -= 1
            self._answered.set()

    async def answered(self) -> None:
        """Wait until no request is open."""
        while self._count:
            self._answered = anyio.Event()
            await self._answered.wait()
