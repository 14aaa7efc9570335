"""The socket by which services tell systemd of their states."""

import socket

READY, STOPPING = ["READY=1", "STATUS=Serving."], ["STOPPING=1", "STATUS=Ends; runs have their grace."]


class Systemd:
    """Receives what services send to the socket that ``environ`` names.

    The socket holds few messages, and a service does not wait until there is room: read while the service goes on.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Linux chooses a name that no file has.
        self._socket.bind("")
        self._socket.settimeout(120)
        self.environ = {"NOTIFY_SOCKET": "@" + self._socket.getsockname()[1:].decode()}

    def receive(self) -> list[str]:
        """Return the lines of the next message."""
        return self._socket.recv(4096).decode().splitlines()

    def receive_until(self, wanted: list[str]) -> None:
        """Read messages until this one has come."""
        while self.receive() != wanted:
            pass

    def close(self) -> None:
        self._socket.close()
