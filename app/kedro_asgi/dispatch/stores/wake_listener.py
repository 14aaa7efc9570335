"""Hears in a thread what other workers tell by NOTIFY, on a connection of its own."""

import os
import selectors
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from typing import Any, get_args

from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.stores.base import WakeTopic
from kedro_asgi.forked_children import call_in_forked_children

_log = SafeLogger(__name__)

_ALL: frozenset[WakeTopic] = frozenset(get_args(WakeTopic))
_PAUSES_SECONDS = (0.2, 1.0, 2.0, 5.0, 10.0)

Wake = Callable[[frozenset[WakeTopic]], None]


class WakeListener:
    """Calls ``wake`` for each payload on ``channel`` that is for ``owner``; connects again when the connection is lost.

    A payload names its sender and topics: ``sender events,cancels:receiver``. PostgreSQL sends it to all listeners, so
    one that is for others is dropped here.
    """

    def __init__(self, connect: Callable[[], Any], *, channel: str, owner: str, wake: Wake) -> None:
        self.is_listening = False
        self._connect = connect
        self._channel = channel
        self._owner = owner
        self._wake = wake
        self._stopping = threading.Event()
        self._descriptor = -1
        self._stop_reading, self._stop_writing = os.pipe()
        self._thread = threading.Thread(target=self._run, name="kedro-asgi-listener", daemon=True)
        call_in_forked_children(self, WakeListener._detach)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and wait until the thread has closed its connection."""
        self._stopping.set()
        os.write(self._stop_writing, b"x")
        self._thread.join()
        os.close(self._stop_reading)
        os.close(self._stop_writing)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                with closing(self._connect()) as connection:
                    connection.execute(f'LISTEN "{self._channel}"')
                    connection.commit()
                    failures, self._descriptor, self.is_listening = 0, connection.fileno(), True
                    self._wake(_ALL)
                    self._listen(connection.pgconn)
            except Exception as error:  # such as a database that restarts: without this thread, workers look seldom
                if not failures and not self._stopping.is_set():
                    text = "The connection for NOTIFY is lost; this worker polls the store until it is back: %s"
                    _log.warning(text, error)
                failures += 1
            finally:
                self._descriptor, self.is_listening = -1, False
            if failures:
                self._stopping.wait(_PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS)) - 1])

    def _listen(self, connection: Any) -> None:
        """Wait for payloads, and for `stop`; raises ``psycopg.OperationalError`` when the connection is lost."""
        with selectors.DefaultSelector() as selector:
            selector.register(connection.socket, selectors.EVENT_READ)
            selector.register(self._stop_reading, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                connection.consume_input()
                payloads: list[bytes] = []
                while (found := connection.notifies()) is not None:
                    payloads.append(found.extra)
                if topics := _topics_for(self._owner, payloads):
                    self._wake(topics)

    def _detach(self) -> None:
        """In a forked child: replace the socket, which the parent goes on using, with one end of nothing."""
        if (descriptor := self._descriptor) >= 0:
            null = os.open(os.devnull, os.O_RDWR)
            with suppress(OSError):
                os.dup2(null, descriptor)
            os.close(null)


def wake_payload(sender: str, topics: Iterable[str]) -> str:
    """Return what a worker tells the others."""
    return f"{sender} {','.join(topics)}"


def _topics_for(owner: str, payloads: Iterable[bytes]) -> frozenset[WakeTopic]:
    topics = set[str]()
    for payload in payloads:
        sender, _, told = payload.decode(errors="replace").partition(" ")
        for topic in told.split(","):
            name, separator, receiver = topic.partition(":")
            if receiver == owner if separator else sender != owner:
                topics.add(name)
    return frozenset(topic for topic in _ALL if topic in topics)
