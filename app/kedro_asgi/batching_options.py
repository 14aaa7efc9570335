"""The options of batching, which a project's configuration names under ``batching``."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

NonEmptyNames = Annotated[tuple[str, ...], Meta(min_length=1)]


class BatchingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How concurrent requests for one pipeline are joined to one run.

    ``inputs`` are the datasets whose rows are joined, and ``outputs`` those that are split again; each row of an input
    gives one row of each output, in the same order. A run gets at most ``max_rows``. A request waits for others for at
    most ``max_wait_ms``, and no longer than is left of ``target_latency_ms``, the time that a request should take in
    all; batches become smaller where two of them take longer than that. With ``compare``, the server compares the first
    batches, and some later ones, with a run of each request alone. Without it, the server trusts the project.
    """

    inputs: NonEmptyNames
    outputs: NonEmptyNames
    max_rows: Annotated[int, Meta(ge=2, le=1_000_000)] = 256
    max_wait_ms: Annotated[float, Meta(ge=0, le=60_000)] = 5.0
    target_latency_ms: Annotated[float, Meta(gt=0, le=3_600_000)] | None = None
    compare: bool = True


def read_batching(tables: Mapping[str, Any]) -> dict[str, BatchingOptions]:
    """Return the options by pipeline; raises ``ValueError``, which names the pipeline and the option at fault."""
    found = {}
    for name, table in tables.items():
        try:
            found[name] = msgspec.convert(msgspec.to_builtins(table), BatchingOptions)
        except (msgspec.ValidationError, TypeError) as error:
            raise ValueError(f"batching.{name}: {error}") from error
    return found
