"""A response from buffers, which are sent in pieces and never joined."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_PIECE_BYTES = 2**20


class BufferResponse(Response):
    """Sends buffers as the connection takes them: to pass them on as a whole would copy them twice."""

    def __init__(self, buffers: Sequence[Any], media_type: str, headers: Mapping[str, str]) -> None:
        self._views = [memoryview(buffer).cast("B") for buffer in buffers]
        size = sum(view.nbytes for view in self._views)
        super().__init__(headers={**headers, "content-length": str(size), "content-type": media_type})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then the buffers, a megabyte at a time."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for view in self._views:
            for start in range(0, view.nbytes, _PIECE_BYTES):
                piece = bytes(view[start : start + _PIECE_BYTES])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
