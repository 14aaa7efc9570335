"""Deletes old runs on an operator's demand, and gives their space back."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict

import msgspec

from kedro_asgi.dispatch.stores.base import OldRecords
from kedro_asgi.dispatch.stores.maintenance import MaintainedStore, check_current
from kedro_asgi.run_ids import first_id_of

# A few at a time, since servers that use the store wait for each transaction.
_AT_ONCE = 50
_NO_LIMIT = 2**60


class _Kept(TypedDict):
    before_run_id: str
    keep_runs: int
    keep_bytes: int


class RetentionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits for ended runs that stay; ``None`` is no limit."""

    days: float | None = None
    runs: int | None = None
    size_bytes: int | None = None


class VacuumReport(msgspec.Struct, frozen=True, kw_only=True):
    """The effects of a vacuum; ``limitation`` says why it did not give all free space back."""

    deleted_runs: int
    bytes_before: int
    bytes_after: int
    limitation: str | None = None


def vacuum(store: MaintainedStore, limits: RetentionLimits) -> VacuumReport:
    """Delete the runs beyond ``limits``, and give free space back to the system; servers may use the store meanwhile.

    Raises `StoreOutdatedError`, and `StoreUnavailableError` if the disk has too little room to rewrite the file.
    """
    check_current(store)
    before = store.size_bytes()
    deleted = 0
    while (dropped := store.forget_day(**_kept(limits))) is not None:
        deleted += dropped
    while (old := _find_old(store, limits)).run_ids:
        store.delete_old(old, keys_before_ms=0)
        deleted += len(old.run_ids)
    limitation = store.shrink()
    return VacuumReport(
        deleted_runs=deleted, bytes_before=before, bytes_after=store.size_bytes(), limitation=limitation
    )


def _find_old(store: MaintainedStore, limits: RetentionLimits) -> OldRecords:
    return store.find_old(**_kept(limits), keys_before_ms=0, limit=_AT_ONCE)


def _kept(limits: RetentionLimits) -> _Kept:
    """Return the limits as a store takes them."""
    oldest = None if limits.days is None else datetime.now(UTC) - timedelta(days=limits.days)
    return _Kept(
        before_run_id="" if oldest is None else first_id_of(oldest),
        keep_runs=_NO_LIMIT if limits.runs is None else limits.runs,
        keep_bytes=_NO_LIMIT if limits.size_bytes is None else limits.size_bytes,
    )
