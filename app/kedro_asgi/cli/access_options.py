"""The options of ``serve`` for access, and the check that no server is open by mistake."""

import os
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any

import click

from kedro_asgi.server.access.configuration import AccessConfiguration
from kedro_asgi.server.access.hosts import LOCAL


class _File(click.Path):
    """A file, by its absolute path.

    A symbolic link stays one: a volume of Kubernetes leads its links elsewhere when a secret changes.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return os.path.abspath(super().convert(value, param, ctx))


_FILE = _File(exists=True, dir_okay=False)
_HOW = (
    "--token-file FILE (make one: kedro-asgi token NAME -f FILE), --oidc-issuer URL, the variable KEDRO_SERVER_TOKENS, "
    "or --insecure if no other machine reaches that address"
)
_OPTIONS = (
    click.option("--token-file", type=_FILE, help="File of the tokens that callers must show; see 'kedro-asgi token'."),
    click.option("--oidc-issuer", metavar="URL", help="Issuer of JSON web tokens (OpenID Connect)."),
    click.option("--oidc-audience", help="Audience that these tokens must name."),
    click.option("--oidc-scope-claim", help="Claim that holds their scopes.  [default: scope]"),
    click.option("--open-metrics", flag_value="true", default=None, help="Ask for no token at /metrics."),
    click.option("--insecure", flag_value="true", default=None, help="Listen on any address also without tokens."),
    click.option("--allowed-hosts", help="Names to answer to: app.example.com,*.example.com,local; '*' for any."),
    click.option("--cors-origins", help="Other sites whose pages may call: https://app.example.com,…"),
    click.option("--root-path", help="Prefix that a proxy in front takes away."),
    click.option("--forwarded-allow-ips", help="Proxies to believe.  [default: this machine]"),
    click.option("--ssl-certfile", type=_FILE, help="Certificate; the server then speaks TLS."),
    click.option("--ssl-keyfile", type=_FILE, help="Key of the certificate."),
    click.option("--ssl-keyfile-password", help="Password of the key; better in KEDRO_SERVER_SSL_KEYFILE_PASSWORD."),
    click.option("--ssl-ca-certs", type=_FILE, help="Authorities of which clients must show a certificate."),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of access to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_reach(access: AccessConfiguration, host: str) -> None:
    """Refuse to listen where other machines reach the server and callers need no token."""
    if not (access.is_on or access.insecure or is_loopback(host)):
        raise click.ClickException(
            f"Any machine that reaches {host} could run pipelines, so the server does not listen there without tokens. "
            f"Give {_HOW}."
        )


def default_hosts(access: AccessConfiguration, host: str) -> str | None:
    """Return the hosts that a server without tokens answers to unless they are named; ``None`` for all."""
    if access.is_on or access.allowed_hosts:
        return None
    return f"{LOCAL},{host}" if _is_name(host) else LOCAL


def access_line(access: AccessConfiguration, host: str) -> str:
    """Return which callers the server answers, in one line."""
    if access.is_on:
        kinds = [f"the tokens of '{access.token_file}'"] if access.token_file else []
        kinds += ["the tokens of KEDRO_SERVER_TOKENS"] if access.tokens else []
        kinds += [f"tokens of {access.oidc_issuer}"] if access.oidc_issuer else []
        return f"callers with {', '.join(kinds)}"
    if is_loopback(host):
        return "all programs on this machine, without a token; no other machine"
    return f"every machine that reaches {host or 'this one'}, without a token (--insecure)"


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host."""
    try:
        addresses: Iterable[Any] = {entry[4][0] for entry in socket.getaddrinfo(host or "0.0.0.0", None)}
        return all(ip_address(str(address).partition("%")[0]).is_loopback for address in addresses)
    except (OSError, UnicodeError):
        return False


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return bool(host)
    return False
