"""Read server-sent events from an HTTP response."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from kedro_asgi.media_types import EVENT_STREAM


class ServerSentEvents:
    """A stream of events at ``path``; each read resumes after ``last_id``, the id of the last received event."""

    def __init__(self, http: httpx.AsyncClient, path: str, *, last_id: str | None = None) -> None:
        self.path = path
        self._last_id = last_id
        self._http = http

    async def read(self, *, limits: httpx.Timeout) -> AsyncGenerator[bytes, None]:
        """Yield the data of each event until the stream ends; raises ``httpx.HTTPError``, also beyond ``limits``."""
        headers = {"accept": EVENT_STREAM}
        if self._last_id is not None:
            headers["last-event-id"] = self._last_id
        async with self._http.stream("GET", self.path, headers=headers, timeout=limits) as response:
            if not response.is_success:
                await response.aread()
                response.raise_for_status()
            event_id: str | None = None
            async with aclosing(lines(response)) as received:
                async for line in received:
                    field, _, value = line.partition(b": ")
                    if field == b"id":
                        event_id = value.decode()
                    elif field == b"data":
                        # Before the yield: a caller that has the event must not get it again after a resume.
                        self._last_id = event_id or self._last_id
                        event_id = None
                        yield value


async def lines(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a response; httpx would also split at characters that the text of an event may contain."""
    rest = b""
    async for part in response.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
