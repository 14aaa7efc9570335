"""Idempotency keys: the same key and order are the same run."""

import hashlib
import time

import msgspec

from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import IdempotencyKey
from kedro_asgi.errors import UnstorableRunError
from kedro_asgi.runs import RunId, RunOrder

_ENCODER = msgspec.json.Encoder(order="deterministic")


def key_of(order: RunOrder, run_id: RunId, policy: Policy) -> IdempotencyKey | None:
    """Return the key of an order, if it has one; raises `UnstorableRunError`."""
    if order.key is None:
        return None
    now = int(time.time() * 1000)
    return IdempotencyKey(
        key=order.key,
        digest=_digest(msgspec.structs.replace(order, key=None)),
        run_id=run_id,
        created_at_ms=now,
        not_before_ms=now - int(policy.key_hours * 3_600_000),
    )


def _digest(order: RunOrder) -> str:
    try:
        return hashlib.sha256(_ENCODER.encode(order)).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableRunError(str(error)) from error
