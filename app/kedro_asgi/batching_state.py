"""The state of a pipeline whose requests are to be joined, as callers see it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from kedro_asgi.batching_options import BatchingOptions

BatchingState = Literal["unchecked", "batched", "refused"]


class BatchedPipelineState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether runs of a pipeline are joined, and what that has brought in one process since its start.

    ``problem`` says why they are not. Batches of a single run count, too. ``unbatched`` counts the runs that could not
    be part of a batch, by reason. ``seconds_saved`` is the time that the runs of batches would have taken alone,
    without the time that the batches took.
    """

    pipeline: str
    state: BatchingState
    problem: str | None
    options: BatchingOptions
    batches: int
    runs: int
    rows: int
    runs_per_batch: float | None
    mean_wait_ms: float | None
    batches_by_runs: Mapping[str, int]
    failed_batches: int
    unbatched: Mapping[str, int]
    seconds_saved: float
