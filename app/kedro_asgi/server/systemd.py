"""Tells systemd of the state of this service, by the protocol of ``sd_notify``: datagrams to the socket it names."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Self

_SOCKET, _WATCHDOG, _WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
_MAX_STATUS = 200


class ServiceManager:
    """The systemd that started this process or its supervisor; without one, nothing is told.

    A message that systemd does not take at once is lost: no server waits for it.
    """

    def __init__(self, address: str = "", *, watchdog_seconds: float | None = None) -> None:
        # Linux has sockets without a file; systemd writes their names with an '@'.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        # Twice as often as systemd asks for, as its documentation recommends.
        self._pause_seconds = None if watchdog_seconds is None else watchdog_seconds / 2
        self._next_sign = 0.0

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the one that the variables of a service name."""
        microseconds = environ.get(_WATCHDOG, "")
        is_watched = environ.get(_WATCHDOG_PID, str(os.getpid())) == str(os.getpid())
        watchdog_seconds = int(microseconds) / 1e6 if is_watched and microseconds.isdecimal() else None
        return cls(environ.get(_SOCKET, ""), watchdog_seconds=watchdog_seconds or None)

    def opened(self) -> None:
        """The project is open: units that wait for this one may start."""
        self._send("READY=1", "STATUS=Serving.")

    def failed(self, problem: str) -> None:
        """The project cannot be opened; the server tries again when it is asked for its readiness."""
        self._send(f"STATUS={' '.join(problem.split())[:_MAX_STATUS]}")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1", "STATUS=Ends; runs have their grace.")

    def reset_watchdog(self) -> None:
        """Reset the watchdog, if systemd has one for this process and the time has come."""
        if self._pause_seconds is not None and (now := monotonic()) >= self._next_sign:
            self._next_sign = now + self._pause_seconds
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(lines).encode(errors="backslashreplace"), self._address)
