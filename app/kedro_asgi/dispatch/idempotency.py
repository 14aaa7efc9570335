"""Idempotency keys: the same key and order are the same run."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.run_reads import read_run
from kedro_asgi.dispatch.service import Service
from kedro_asgi.dispatch.stores.base import IdempotencyKey, Store
from kedro_asgi.dispatch.waiting_order import PackedOrder, encode_order, has_finite_parameters, without_tables
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import KeyReusedError, UnstorableRunError
from kedro_asgi.runs import RunId, RunOrder, RunRecord


async def promise_once(
    service: Service, text: str | None, asked: object, pack: Callable[[], Awaitable[tuple[RunOrder, PackedOrder]]]
) -> tuple[RunRecord, bool]:
    """Promise the run that ``pack`` returns, unless the key ``text`` stands for one already.

    Returns the record of the run, and whether it is new. ``asked`` is what the caller asks for: an order, or what
    stands for one. Raises `KeyReusedError` if the key came with something else before, and what `OwnedRuns.promise` and
    ``pack`` raise.
    """
    while True:
        run_id, key = service.run_ids.next(), None
        if text is not None:
            key, known = await service.access.read(partial(_look_up, text, asked, run_id, service.policy))
            if known is not None:
                return await read_run(service, known), False
        order, packed = await pack()
        if (record := await service.runs.promise(order, packed, run_id, key)) is not None:
            return record, True
        # Another caller has stored the same key a moment ago.


def _look_up(
    text: str, asked: object, run_id: RunId, policy: Policy, store: Store
) -> tuple[IdempotencyKey, str | None]:
    """Return the key of a run that would get ``run_id``, and the id of the run that the key already stands for."""
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
        return hashlib.sha256(_content(asked)).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableRunError(str(error)) from error


def _content(asked: object) -> bytes:
    if isinstance(asked, RunOrder):
        asked = without_tables(asked)
        if not has_finite_parameters(asked):
            # The other way has ``null`` in place of NaN and of both infinities.
            return encode_order(asked)
    # Sorted, so that the order of keys does not count.
    return encode_json(msgspec.to_builtins(asked, order="deterministic"), fallback=None)
