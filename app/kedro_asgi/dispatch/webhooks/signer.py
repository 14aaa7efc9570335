"""Signatures of notifications, as the Standard Webhooks specification defines them."""

import base64
import binascii
import hmac
from collections.abc import Mapping

_PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64


class Signer:
    """Signs with each of some keys: while a receiver changes its secret, it may check either.

    Its representation does not show the keys.
    """

    def __init__(self, secrets: str) -> None:
        """Take secrets of the form ``whsec_<base64>``, with spaces between; raises ``ValueError``, without them."""
        self._keys = tuple(map(_key, secrets.split()))
        if not self._keys:
            raise ValueError("it is empty")

    def headers(self, notification_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
        """Return the headers of an attempt; ``timestamp`` is its time in seconds since 1970."""
        signed = b".".join((notification_id.encode(), str(timestamp).encode(), body))
        digests = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in self._keys)
        return {
            "webhook-id": notification_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
        }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        # Not as the cause: a traceback shows what could not be decoded.
        raise ValueError(f"it is not '{_PREFIX}' and base64") from None
    if not _MIN_BYTES <= len(key) <= _MAX_BYTES:
        raise ValueError(f"it has {len(key)} bytes, and {_MIN_BYTES} to {_MAX_BYTES} are needed")
    return key
