"""The order of a run that may be part of a batch."""

from collections.abc import Hashable, Sequence

import msgspec

from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.waiting_order import GivenOrder
from kedro_asgi.encoding import encode_json
from kedro_asgi.runs import RunSpec
from kedro_asgi.tables.rows import join_rows, rows_of


class MemberOrder(GivenOrder, frozen=True, kw_only=True, gc=False, eq=False):
    """An order with so many ``rows``; runs of one ``group`` can be executed as one."""

    spec: RunSpec
    pipeline: BatchedPipeline
    group: Hashable
    rows: int


class AloneError(Exception):
    """Why a run cannot be part of a batch, in one word."""


def member_order(spec: RunSpec, pipeline: BatchedPipeline, *, size_bytes: int) -> MemberOrder:
    """Return the order of a run as that of a member; raises `AloneError` if it cannot be one."""
    options = pipeline.options
    if spec.only_missing_outputs or spec.inputs.keys() != pipeline.inputs:
        raise AloneError("inputs")
    if not spec.outputs or not pipeline.outputs.issuperset(spec.outputs):
        raise AloneError("outputs")
    kinds, counts = [], set()
    for name in options.inputs:
        rows = rows_of(spec.inputs[name])
        if rows is None:
            raise AloneError("rows")
        kinds.append(rows.kind)
        counts.add(rows.count)
    if len(counts) != 1 or (count := counts.pop()) > options.max_rows:
        raise AloneError("rows")
    group = (
        spec.slice,
        _text_of(spec),
        spec.outputs,
        spec.runner,
        spec.is_async,
        *kinds,
    )
    return MemberOrder(read=_Read(spec), size_bytes=size_bytes, spec=spec, pipeline=pipeline, group=group, rows=count)


def joined_spec(specs: Sequence[RunSpec], names: Sequence[str]) -> RunSpec:
    """Return one run for the rows of all ``specs``, which are of one group."""
    inputs = {name: join_rows([spec.inputs[name] for spec in specs]) for name in names}
    return msgspec.structs.replace(specs[0], inputs=inputs)


class _Read(msgspec.Struct, frozen=True, gc=False):
    spec: RunSpec

    def __call__(self) -> RunSpec:
        return self.spec


def _text_of(spec: RunSpec) -> bytes:
    """Return what else is the same for all runs of a group, as JSON: 1, 1.0 and true differ there."""
    if not spec.runtime_params and not spec.load_versions and spec.retries is None:
        return b""
    try:
        return encode_json((spec.runtime_params, spec.load_versions, spec.retries), fallback=None)
    except (TypeError, ValueError, RecursionError) as error:
        raise AloneError("params") from error
