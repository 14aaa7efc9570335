"""The public keys of an issuer of tokens: fetched from that issuer only, kept, and fetched again as they change."""

import json
import logging
import time
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import anyio
import anyio.to_thread
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from kedro_asgi.errors import ServerSettingsError, error_type
from kedro_asgi.errors.wording import bounded
from kedro_asgi.media_types import JSON
from kedro_asgi.redaction import redact
from kedro_asgi.server.access.refusals import IssuerUnavailableError

_log = logging.getLogger(__name__)

_DISCOVERY = "/.well-known/openid-configuration"
_TIMEOUT_SECONDS = 5.0
_MAX_BYTES = 1024 * 1024
_MAX_SHOWN = 500
# Keys that an issuer withdraws are good for this long.
_RENEW_SECONDS = 600.0
# Any client can send tokens that name unknown keys; the issuer must not feel it.
_LEAST_SECONDS = 30.0
# An issuer that has never answered is asked again after this time.
_PAUSE_SECONDS = 1.0


class IssuerKeys:
    """The keys of ``issuer``, which it names in its OpenID configuration; what a token says of keys does not count."""

    def __init__(self, issuer: str, *, least_seconds: float = _LEAST_SECONDS) -> None:
        check_url(issuer)
        self._issuer = issuer
        self._least_seconds = least_seconds
        self._keys: dict[str | None, PyJWK] = {}
        # When the issuer was last asked, with or without an answer.
        self._asked_at = -_RENEW_SECONDS
        self._lock = anyio.Lock()

    async def find(self, key_id: str | None) -> PyJWK | None:
        """Return a key; raises `IssuerUnavailableError` while the issuer has never answered."""
        found = self._find(key_id)
        age_seconds = time.monotonic() - self._asked_at
        if age_seconds >= self._patience_seconds(is_known=found is not None):
            await self._renew()
            found = self._find(key_id)
        if not self._keys:
            raise IssuerUnavailableError(self._issuer)
        return found

    def _patience_seconds(self, *, is_known: bool) -> float:
        if is_known:
            return _RENEW_SECONDS
        return self._least_seconds if self._keys else min(self._least_seconds, _PAUSE_SECONDS)

    def _find(self, key_id: str | None) -> PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _renew(self) -> None:
        begun_at = time.monotonic()
        async with self._lock:
            if self._asked_at >= begun_at:
                return  # another request has asked meanwhile; if it got no answer, this one would wait as long again
            try:
                self._keys = await anyio.to_thread.run_sync(_fetch_keys, self._issuer)
            except (OSError, HTTPException, ValueError, PyJWTError) as error:
                _log.error("The keys of issuer '%s' cannot be fetched: %s", self._issuer, _described(error))
            self._asked_at = time.monotonic()


def _described(error: Exception) -> str:
    """Return an error for the log: what answers that are no HTTP hold is part of it, so it may be long."""
    text = f"{error_type(error)}: {error}" if isinstance(error, HTTPException) else str(error)
    # First without credentials: a part of them would not be known as such.
    return bounded(redact(text), _MAX_SHOWN)


def check_url(url: str) -> None:
    """Raise `ServerSettingsError` unless ``url`` can be trusted to lead to its host: by TLS, or on this machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ServerSettingsError(f"'{redact(url)}' is no issuer: give its URL, such as https://id.example.com/realm.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ServerSettingsError(f"The issuer '{url}' must be reached by https.")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fetch_keys(issuer: str) -> dict[str | None, PyJWK]:
    described = _fetch(issuer.rstrip("/") + _DISCOVERY)
    if described.get("issuer") != issuer:
        raise ValueError(f"it calls itself {described.get('issuer')!r}")
    address = str(described.get("jwks_uri"))
    try:
        check_url(address)
    except ServerSettingsError as error:
        raise ValueError(f"its keys are at an address that cannot be trusted: {error}") from error
    keys = PyJWKSet.from_dict(_fetch(address)).keys
    return {key.key_id: key for key in keys if key.public_key_use in (None, "sig")}


def _fetch(url: str) -> dict[str, Any]:
    request = Request(url, headers={"Accept": JSON})
    try:
        with build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            content = answer.read(_MAX_BYTES + 1)
    except HTTPError as error:
        # It is also the answer, and holds its connection.
        error.close()
        raise ValueError(f"{url} answers {error.code}") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"its answer is larger than {_MAX_BYTES} bytes")
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("its answer is no JSON object")
    return document


class _NoRedirects(HTTPRedirectHandler):
    """Another host must not answer in place of the issuer."""

    def redirect_request(self, *arguments: Any) -> None:
        return None
