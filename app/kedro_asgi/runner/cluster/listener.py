"""The port at which the workers of a cluster ask this process for the requests of nodes."""

import logging
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from kedro_asgi.runner.cluster.connection import TOKEN_BYTES, Connection, Contact, receive_exactly

_log = logging.getLogger(__name__)

_TOKEN_SECONDS = 10.0
_BACKLOG = 512
_PAUSE_SECONDS = 0.1

Accept = Callable[[Connection], None]


class Listener:
    """Accepts the connections of workers for all runs of a cluster, each by its token. Thread-safe.

    A connection without a known token is closed, so only a worker that was given a node can ask for it. Workers use
    ``host``; ``bind_host`` is the network on which this process listens, if that is another.
    """

    def __init__(self, host: str, *, bind_host: str | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl_context = ssl_context
        bound = host if bind_host is None else bind_host
        family = socket.AF_INET6 if ":" in bound else socket.AF_INET
        self._socket = socket.create_server((bound, 0), family=family, backlog=_BACKLOG)
        self._host, self._port = host, self._socket.getsockname()[1]
        self._is_closed = False
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            # The token is there when the connection is.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        self._expected: dict[bytes, Accept] = {}
        self._greeters = ThreadPoolExecutor(4, thread_name_prefix="kedro-asgi-cluster-greeter")
        self._thread = threading.Thread(target=self._listen, name="kedro-asgi-cluster-listener", daemon=True)
        self._thread.start()

    def expect(self, node: str, accept: Accept) -> Contact:
        """Return where a worker asks for ``node``; each connection that shows the token is given to ``accept``."""
        token = secrets.token_bytes(TOKEN_BYTES)
        self._expected[token] = accept
        is_encrypted = self._ssl_context is not None
        return Contact(node=node, host=self._host, port=self._port, token=token, is_encrypted=is_encrypted)

    def forget(self, contact: Contact) -> None:
        """Accept no further connection for a node."""
        self._expected.pop(contact.token, None)

    def close(self) -> None:
        """Accept no further connection at all."""
        self._is_closed = True
        with suppress(OSError):  # some systems cannot shut down a socket that listens
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._greeters.shutdown(wait=False)

    def _listen(self) -> None:
        while not self._is_closed:
            try:
                peer, _ = self._socket.accept()
            except OSError as error:
                if not self._is_closed:
                    # Such as too many open files; nodes that end close some.
                    _log.warning("This process cannot accept a connection of a worker of the cluster: %s", error)
                    time.sleep(_PAUSE_SECONDS)
                continue
            self._welcome(peer)

    def _welcome(self, peer: socket.socket) -> None:
        if self._has_token(peer):
            self._greet(peer)
            return
        try:
            self._greeters.submit(self._greet, peer)
        except RuntimeError:  # closed meanwhile
            peer.close()

    def _has_token(self, peer: socket.socket) -> bool:
        """Tell whether the token can be read without a wait; each change of the thread takes a turn at the GIL."""
        if self._ssl_context is not None:
            return False
        peer.setblocking(False)
        with suppress(OSError):  # not there yet, or the peer is gone
            return len(peer.recv(TOKEN_BYTES, socket.MSG_PEEK)) == TOKEN_BYTES
        return False

    def _greet(self, peer: socket.socket) -> None:
        """Read the token of a connection; a slow peer delays others, at most for `_TOKEN_SECONDS`."""
        accept: Accept | None = None
        try:
            peer.settimeout(_TOKEN_SECONDS)
            if self._ssl_context is not None:
                peer = self._ssl_context.wrap_socket(peer, server_side=True)
            accept = self._expected.get(receive_exactly(peer, TOKEN_BYTES))
        except (OSError, EOFError) as error:
            _log.debug("A connection to the port for workers of the cluster failed: %r", error)
        if accept is None:
            peer.close()
        else:
            accept(Connection(peer))
