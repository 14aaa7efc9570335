"""One caller: its connections, its decisions, and how it asks again."""

from collections.abc import Collection
from random import Random
from typing import Any

import anyio
import httpx

from soak.ledger import Ledger
from soak.server import PATIENCE_SECONDS

# The server is full, not ready, or ends.
LATER = frozenset((429, 503))


class UnexpectedAnswerError(Exception):
    """The server answered what it must not answer."""


class Caller:
    """A caller that gives up only after a long time."""

    def __init__(self, url: str, ledger: Ledger, random: Random, *, token: str | None) -> None:
        self.url = url
        self.token = token
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.ledger = ledger
        self.random = random
        self.http = httpx.AsyncClient(base_url=url, headers=self.headers, timeout=httpx.Timeout(120, connect=10))

    async def ask(
        self, method: str, path: str, *, accepted: Collection[int] = (200,), **options: Any
    ) -> httpx.Response:
        """Ask until the server answers with an accepted status; raises `UnexpectedAnswerError`."""
        with anyio.move_on_after(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self.http.request(method, path, **options)
                except httpx.TransportError as error:
                    self.ledger.counts[f"asked again: {type(error).__name__}"] += 1
                else:
                    if answer.status_code in accepted:
                        return answer
                    if answer.status_code not in LATER:
                        raise UnexpectedAnswerError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                    self.ledger.counts[f"asked again: {answer.status_code}"] += 1
                await anyio.sleep(0.1 + 0.4 * self.random.random())
        raise UnexpectedAnswerError(f"{method} {path}: no answer within {PATIENCE_SECONDS:g} seconds")

    async def ask_once(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Ask once; ``None`` if the connection broke or the server told the caller to come back later."""
        try:
            answer = await self.http.request(method, path, **options)
        except httpx.TransportError as error:
            self.ledger.counts[f"lost: {type(error).__name__}"] += 1
            return None
        if answer.status_code in LATER:
            self.ledger.counts[f"refused: {answer.status_code}"] += 1
            return None
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()
