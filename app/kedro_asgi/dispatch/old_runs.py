"""Deletes the runs and keys that are too old, too many, or too large together."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.recorder import Recorder
from kedro_asgi.dispatch.store_access import StoreAccess
from kedro_asgi.dispatch.stores.base import OldRecords, Store
from kedro_asgi.run_ids import first_id_of

_MANY = 1000
# How many records one transaction deletes.
_FEW = 20


class OldRuns:
    """Keeps the store within the limits of a policy. Belongs to one event loop."""

    def __init__(self, access: StoreAccess, recorder: Recorder, policy: Policy) -> None:
        self._access = access
        self._recorder = recorder
        self._policy = policy

    async def forget(self) -> None:
        """Delete what is beyond the limits, and give its space back."""
        oldest = datetime.now(UTC) - timedelta(days=self._policy.keep_days)
        keys_before_ms = int((time.time() - self._policy.key_hours * 3600) * 1000)
        while await self._access.maintain(lambda store: self._forget_day(store, oldest)) is not None:
            pass
        has_more = True
        while has_more:
            old = await self._access.read(lambda store: self._find(store, oldest, keys_before_ms))
            for part in _parts(old):
                await self._recorder.execute(partial(_delete, part, keys_before_ms))
            has_more = len(old.run_ids) >= _MANY
        while await self._recorder.execute(lambda store: store.give_back_space()):
            pass

    def _forget_day(self, store: Store, oldest: datetime) -> int | None:
        """Drop a day, which may have to wait for readers of it."""
        return store.forget_day(
            before_run_id=first_id_of(oldest),
            keep_runs=self._policy.keep_runs,
            keep_bytes=self._policy.keep_bytes,
        )

    def _find(self, store: Store, oldest: datetime, keys_before_ms: int) -> OldRecords:
        return store.find_old(
            before_run_id=first_id_of(oldest),
            keep_runs=self._policy.keep_runs,
            keep_bytes=self._policy.keep_bytes,
            keys_before_ms=keys_before_ms,
            limit=_MANY,
        )


def _parts(old: OldRecords) -> Iterator[OldRecords]:
    """Yield a few records at a time: the writer thread, which deletes them, also writes the promises of callers."""
    for start in range(0, max(len(old.run_ids), len(old.keys)), _FEW):
        part = slice(start, start + _FEW)
        yield OldRecords(run_ids=old.run_ids[part], keys=old.keys[part])


def _delete(old: OldRecords, keys_before_ms: int, store: Store) -> None:
    store.delete_old(old, keys_before_ms=keys_before_ms)
