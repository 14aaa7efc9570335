"""How clients reach the server: by TLS, through proxies, below a prefix."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from kedro_asgi.server.field_reading import read_fields


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of ``kedro-asgi serve`` that uvicorn applies.

    ``root_path`` is the prefix that a proxy takes away. ``forwarded_allow_ips`` are the proxies whose
    ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed, by default those of this machine; ``*`` believes all.
    With ``ssl_certfile``, the server speaks TLS; with ``ssl_ca_certs``, clients must show a certificate of these
    authorities.
    """

    root_path: Annotated[str, msgspec.Meta(pattern="^(/[^?#]*[^/?#])?$")] = ""
    forwarded_allow_ips: str = "127.0.0.1,::1"
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_keyfile_password: str | None = None
    ssl_ca_certs: str | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Transport":
        """Return what environment variables set; raises `ServerSettingsError`."""
        # uvicorn's own variable, which deployments know.
        proxies = environ.get("FORWARDED_ALLOW_IPS")
        return cls(**({"forwarded_allow_ips": proxies} if proxies else {}) | read_fields(cls, {}, environ))

    @property
    def scheme(self) -> str:
        """The scheme of the server's URLs."""
        return "http" if self.ssl_certfile is None else "https"

    def uvicorn_options(self) -> dict[str, Any]:
        """Return the settings as arguments of uvicorn's ``Config``."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        # 2 is `ssl.CERT_REQUIRED`: without it, authorities are named and nothing is asked of clients.
        return {**given, "ssl_cert_reqs": 2} if self.ssl_ca_certs else given
