"""uvicorn's HTTP protocol, with limits for the head of a request: its request line and headers."""

from asyncio import TimerHandle
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from kedro_asgi.cli.access_logger import AccessLogger
from kedro_asgi.server.configuration import ConnectionLimits

# How many requests a client may send on one connection ahead of their answers. Browsers and libraries send one; uvicorn
# parses all that arrive together, tens of thousands, while no other client gets its turn.
_MAX_PIPELINED = 100
# How long a refused client may still send.
_LINGER_SECONDS = 0.5


class _HeadTooLargeError(Exception):
    """Makes the parser give up."""


class _TooManyRequestsError(Exception):
    """Makes the parser give up."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large and 408 to one that is too late, and closes their connections.

    A connection with too many requests that are not answered is cut. uvicorn's own limits are for the number of
    connections and for those that are idle between two requests.
    """

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # uvicorn logs a line for each request, and needs no more of the logger.
        access_logger: Any = AccessLogger(self.access_logger)
        self.access_logger = access_logger
        self._limits = limits
        # uvicorn sets them when a head begins, and data that begins none may come before.
        self.url, self.headers = b"", []
        # How many bytes of the head that is under way have arrived, at least and at most: it may begin anywhere in what
        # arrives.
        self._least_bytes = self._most_bytes = 0
        self._arrived_bytes = 0
        self._is_refused = False
        # When the head that is under way has to be complete, and the timer that looks.
        self._head_due: float | None = None
        self._timer: TimerHandle | None = None
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: Any) -> None:
        """Give a new connection time for its first head."""
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._running is not None:
            # uvicorn tells only the last request; another one would go on to write its answer, and raise.
            self._running.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrives; what the parser holds of an unfinished head counts, too."""
        if self._is_refused:
            return
        self._arrived_bytes = len(data)
        self._least_bytes += len(data)
        self._most_bytes += len(data)
        super().data_received(data)
        if self._head_due is not None and self._least_bytes > self._limits.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Give the head of each later request of this connection time as well."""
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise _TooManyRequestsError
        super().on_message_begin()
        if self._head_due is None:
            self._begin_head()
            self._least_bytes, self._most_bytes = 1, self._arrived_bytes

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large; its parts are added up only if it may be."""
        if self._most_bytes > self._limits.max_header_bytes and self._head_bytes() > self._limits.max_header_bytes:
            raise _HeadTooLargeError
        self._head_due = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be parsed, or a head that is too large."""
        if len(self.pipeline) >= _MAX_PIPELINED:
            self._stop_timer()
            self.pipeline.clear()
            self.transport.abort()
        elif self._head_due is not None and self._head_bytes() > self._limits.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _begin_head(self) -> None:
        self._least_bytes = self._most_bytes = 0
        self._head_due = self.loop.time() + self._limits.header_timeout_seconds
        if self._timer is None:
            self._timer = self.loop.call_at(self._head_due, self._end_late_head)

    def _end_late_head(self) -> None:
        """Refuse a head that is late, or look again; a timer for each request takes longer than to parse its head."""
        self._timer = None
        if self._head_due is None:
            return
        if self.loop.time() >= self._head_due:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._timer = self.loop.call_at(self._head_due, self._end_late_head)

    def _stop_timer(self) -> None:
        self._head_due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer and close the connection; only close it if nothing was asked, or if an answer is under way."""
        self._stop_timer()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not self._least_bytes or is_answering or self.transport.is_closing():
            self.transport.close()
            return
        self._is_refused = True
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        # Not yet: what the client still sends would reset the connection, and the answer would be lost.
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)
