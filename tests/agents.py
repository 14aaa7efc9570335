"""Clients of the Model Context Protocol, of the SDK itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult
from starlette.types import ASGIApp

MODES = ("auto", "legacy")
"""The revision of 2026, and the handshake of those before."""


@asynccontextmanager
async def agent_of(app: ASGIApp, *, token: str | None = None, mode: str = "auto") -> AsyncIterator[Client]:
    """Yield a client of an application in this process, whose answers come as a whole."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://server", headers=headers) as http:
        async with Client(streamable_http_client("http://server/mcp", http_client=http), mode=mode) as client:
            yield client


def text_of(result: CallToolResult) -> str:
    """Return the text of a result."""
    return result.content[0].text


class Calling:
    """A call that goes on in a task; tells its progress, and can be cancelled."""

    def __init__(self, client: Client, name: str, arguments: dict[str, Any]) -> None:
        self._client, self._name, self._arguments = client, name, arguments
        self._scope = anyio.CancelScope()
        self._heard = anyio.Event()
        self.reports: list[tuple[float, float | None, str]] = []
        self.result: CallToolResult | None = None
        self.ended = anyio.Event()

    async def run(self) -> None:
        """Call the tool."""
        with self._scope:
            self.result = await self._client.call_tool(
                self._name, self._arguments, read_timeout_seconds=60, progress_callback=self._hear
            )
        self.ended.set()

    async def _hear(self, progress: float, total: float | None, message: str | None) -> None:
        self.reports.append((progress, total, message or ""))
        self._heard.set()

    async def heard(self, progress: float) -> None:
        """Wait until the client has told of that progress, which may be after the result."""
        with anyio.fail_after(60):
            while not any(report[0] >= progress for report in self.reports):
                self._heard = anyio.Event()
                await self._heard.wait()

    async def run_id(self) -> str:
        """Return the id of the run, which the first report tells."""
        await self.heard(0)
        return self.reports[0][2].split()[1].removesuffix(":")

    def cancel(self) -> None:
        """Cancel the call."""
        self._scope.cancel()
