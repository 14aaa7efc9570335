"""A connection between the process of a run and one node on a worker of the cluster."""

import socket
import ssl
import struct
import threading
from contextlib import suppress
from multiprocessing.connection import wait

from kedro_asgi.runner.portable_struct import PortableStruct

TOKEN_BYTES = 16
_LENGTH = struct.Struct("!Q")
_CONNECT_SECONDS = 30.0
_READ_BYTES = 1 << 20
# A copy costs less than a second call of the system.
_JOINED_BYTES = 1 << 16


class Contact(PortableStruct, frozen=True, kw_only=True, eq=True):
    """The address where a worker asks for the request of a node, and the token that lets it ask once."""

    node: str
    host: str
    port: int
    token: bytes
    is_encrypted: bool = False


class Connection:
    """Sends and receives messages over a socket; any thread may send, one thread receives.

    Each method raises ``OSError`` where the connection is broken.
    """

    def __init__(self, peer: socket.socket) -> None:
        self._socket = peer
        self._lock = threading.Lock()
        peer.settimeout(None)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(peer)

    def send(self, *messages: bytes) -> None:
        """Send messages."""
        with self._lock:
            for message in messages:
                if len(message) <= _JOINED_BYTES:
                    self._socket.sendall(_LENGTH.pack(len(message)) + message)
                else:
                    self._socket.sendall(_LENGTH.pack(len(message)))
                    self._socket.sendall(message)

    @property
    def is_silent(self) -> bool:
        """Whether the peer has sent nothing that is not received yet, and has not closed the connection."""
        return not wait([self._socket], timeout=0)

    def limit_waits(self, seconds: float | None) -> None:
        """Let `receive` raise ``TimeoutError`` when the peer sends nothing for ``seconds``; ``None``: never."""
        self._socket.settimeout(seconds)

    def receive(self) -> bytes:
        """Wait for a message; raises ``EOFError`` if the peer has closed the connection."""
        (length,) = _LENGTH.unpack(receive_exactly(self._socket, _LENGTH.size))
        return receive_exactly(self._socket, length)

    def close(self) -> None:
        """Close the connection; a thread that receives gets ``EOFError`` or ``OSError``."""
        with suppress(OSError):  # the peer was first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect(contact: Contact, *, ssl_context: ssl.SSLContext | None) -> Connection:
    """Connect a worker to the process of the run, and show the token."""
    peer = socket.create_connection((contact.host, contact.port), timeout=_CONNECT_SECONDS)
    try:
        if contact.is_encrypted and ssl_context is not None:
            peer = ssl_context.wrap_socket(peer, server_hostname=contact.host)
        peer.sendall(contact.token)
        return Connection(peer)
    except BaseException:
        peer.close()
        raise


def receive_exactly(peer: socket.socket, length: int) -> bytes:
    """Receive ``length`` bytes; raises ``EOFError`` if the connection ends before."""
    data = bytearray()
    while len(data) < length:
        part = peer.recv(min(length - len(data), _READ_BYTES))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _keep_alive(peer: socket.socket) -> None:
    """Notice within half a minute that the machine of the peer is gone, which sends no end of the connection."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
