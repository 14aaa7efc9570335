"""The receiver of webhooks: a server on loopback in a thread, which sometimes fails, hangs or cuts the connection."""

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Literal

import msgspec

from soak.webhooks import TIMEOUT_SECONDS, is_genuine

Treatment = Literal["taken", "failed", "asked to wait", "hung", "cut"]

_TREATMENTS: tuple[tuple[int, Treatment], ...] = (
    (92, "taken"),
    (3, "failed"),
    (1, "asked to wait"),
    (1, "hung"),
    (3, "cut"),
)
# The server waits twice as long after each failure: so a notification is not late by more than a quarter of a minute.
_MOST_FAILURES = 2
# A connection that is closed so is reset.
_NO_LINGER = struct.pack("ii", 1, 0)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of the server to tell of an end; ``sent_at`` is when it began, by the server's account in seconds."""

    webhook: str
    notification_id: str
    treatment: Treatment
    is_genuine: bool
    sent_at: datetime
    received_at: datetime
    body: bytes


class Receiver:
    """Takes deliveries, each in a thread of its connection."""

    def __init__(self, random: Random) -> None:
        self._deliveries: list[Delivery] = []
        self._random = random
        self._failures: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver")

    def treatment(self, webhook: str, notification_id: str) -> Treatment:
        """Decide what becomes of an attempt; after some that failed, the next one is taken."""
        with self._lock:
            weights, treatments = zip(*_TREATMENTS, strict=True)
            (chosen,) = self._random.choices(treatments, weights=weights)
            failures = self._failures.get((webhook, notification_id), 0)
            if chosen == "taken" or failures >= _MOST_FAILURES:
                self._failures.pop((webhook, notification_id), None)
                return "taken"
            self._failures[webhook, notification_id] = failures + 1
            return chosen

    def note(self, delivery: Delivery) -> None:
        """Keep an attempt for the verdict."""
        with self._lock:
            self._deliveries.append(delivery)

    def deliveries(self) -> list[Delivery]:
        """Return the attempts so far, in the order in which they came."""
        with self._lock:
            return list(self._deliveries)

    def hang(self) -> None:
        """Wait longer than the server does."""
        self._closing.wait(TIMEOUT_SECONDS * 1.5)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take deliveries within this block."""
        self._thread.start()
        try:
            yield
        finally:
            self._closing.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    # The soaked server holds its connections open until it has ended.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections whose other end was killed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            # Its sender was killed.
            self.close_connection = True
            return
        delivery = self._delivery(body)
        # Before the answer: when the server knows that it has delivered, the verdict may follow.
        self.server.receiver.note(delivery)
        self._answer(delivery.treatment)

    def _delivery(self, body: bytes) -> Delivery:
        webhook, notification_id = self.path.strip("/"), self.headers["webhook-id"]
        return Delivery(
            webhook=webhook,
            notification_id=notification_id,
            treatment=self.server.receiver.treatment(webhook, notification_id),
            is_genuine=is_genuine(self.headers, body),
            sent_at=datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC),
            received_at=datetime.now(UTC),
            body=body,
        )

    def _answer(self, treatment: Treatment) -> None:
        match treatment:
            case "taken":
                self._send(200)
            case "failed":
                self._send(500)
            case "asked to wait":
                self._send(503, retry_after="1")
            case "hung":
                self.server.receiver.hang()
                self.close_connection = True
            case "cut":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                socket.close(self.connection.detach())
                self.close_connection = True

    def _send(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """The verdict tells what was wrong."""
