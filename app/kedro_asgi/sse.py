"""Read server-sent events from an HTTP answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx


class ServerSentEvents:
    """A stream of events at ``path`` that can be read again behind ``last_id``, the last event that was read."""

    def __init__(self, http: httpx.AsyncClient, path: str) -> None:
        self.path = path
        self.last_id: str | None = None
        self._http = http

    async def read(self, *, timeout_seconds: float) -> AsyncGenerator[bytes, None]:
        """Yield the data of each event until the stream ends; raises ``httpx.HTTPError``.

        Silence of ``timeout_seconds`` is an error, too.
        """
        headers = {"accept": "text/event-stream"}
        if self.last_id is not None:
            headers["last-event-id"] = self.last_id
        timeout = httpx.Timeout(timeout_seconds, pool=None)
        async with self._http.stream("GET", self.path, headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                await answer.aread()
                answer.raise_for_status()
            name: str | None = None
            async with aclosing(_lines(answer)) as lines:
                async for line in lines:
                    field, _, value = line.partition(b": ")
                    if field == b"id":
                        name = value.decode()
                    elif field == b"data":
                        # Before the event is handed out: whoever has it does not want it again.
                        self.last_id = name or self.last_id
                        name = None
                        yield value


async def _lines(answer: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an answer; for httpx, a line also ends at characters that an event's text may hold."""
    rest = b""
    async for part in answer.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
