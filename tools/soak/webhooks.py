"""The webhooks of the soaked project, their secret, and whether a delivery is genuine."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import msgspec

SECRET_VARIABLE = "SOAK_WEBHOOK_SECRET"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TIMEOUT_SECONDS = 5.0
_CLOCK_SECONDS = 300


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """The ends that a webhook is told of; ``pipelines`` of ``None`` are all."""

    ends: tuple[str, ...] = ("success", "failure", "cancelled", "timed_out", "interrupted")
    pipelines: tuple[str, ...] | None = None

    def wants(self, record: Mapping[str, Any]) -> bool:
        """Whether the server has to tell of the end of this run."""
        is_of_these = self.pipelines is None or not set(self.pipelines).isdisjoint(record["pipeline_names"])
        return is_of_these and record["status"] in self.ends


WEBHOOKS = {
    "every_end": Webhook(),
    "some_ends": Webhook(
        ends=("failure", "cancelled", "interrupted"), pipelines=("fail", "fail_process", "rows", "stream", "tick")
    ),
}


def is_genuine(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the signature is right; written by the document, and not with the code of the server."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    is_recent = abs(time.time() - int(headers["webhook-timestamp"])) < _CLOCK_SECONDS
    return is_recent and any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())
