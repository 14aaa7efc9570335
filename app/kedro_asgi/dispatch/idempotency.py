"""Idempotency keys: the same key and order are the same run."""

import hashlib
import time

import msgspec

from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.stores.base import IdempotencyKey, Store
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import KeyReusedError, UnstorableRunError
from kedro_asgi.runs import RunId


def look_up(store: Store, text: str, asked: object, run_id: RunId, policy: Policy) -> tuple[IdempotencyKey, str | None]:
    """Return the key of a run that would get ``run_id``, and the id of the run that the key already stands for.

    ``asked`` is what the caller asks for: an order, or what stands for one. Raises `UnstorableRunError`, or
    `KeyReusedError` if the key came with something else before.
    """
    now = int(time.time() * 1000)
    key = IdempotencyKey(
        key=text,
        digest=_digest(asked),
        run_id=run_id,
        created_at_ms=now,
        not_before_ms=now - int(policy.key_hours * 3_600_000),
    )
    known = store.read_key(key.key, not_before_ms=key.not_before_ms)
    if known is not None and known.digest != key.digest:
        raise KeyReusedError(key.key)
    return key, None if known is None else known.run_id


def _digest(asked: object) -> str:
    try:
        # Sorted, so that the order of keys does not count.
        content = encode_json(msgspec.to_builtins(asked, order="deterministic"), fallback=None)
        return hashlib.sha256(content).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableRunError(str(error)) from error
