"""The address that a command listens on: free, or one line that says why not."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import click


def check_port(host: str, port: int) -> None:
    """Check that an address is free, with the socket options that uvicorn uses."""
    with _one_line_error(host, port):
        _bound(host, port).close()


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; clients wait until something accepts their connections."""
    with _one_line_error(host, port):
        found = _bound(host, port)
        try:
            # Two processes may be bound to one address, and only one of them can listen there.
            found.listen()
        except OSError:
            found.close()
            raise
    return found


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError:
        found.close()
        raise
    return found


@contextmanager
def _one_line_error(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}") from error
