"""The order of a run that may be part of a batch."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.waiting_order import GivenOrder, PackedOrder
from kedro_asgi.runs import RunSpec
from kedro_asgi.tables.rows import join_rows, rows_of

# How many times as much memory as JSON its values take, which wait as they are.
_OBJECTS = 8


class MemberOrder(GivenOrder, frozen=True, kw_only=True, gc=False, eq=False):
    """An order of ``rows`` rows; runs of one ``group`` can be executed as one.

    Runs of one ``computation`` differ in nothing but their rows; those of a group have rows of one kind, too. Promised
    runs are groups of their own, since each of them waits for the disk.
    """

    is_promised: bool
    pipeline: BatchedPipeline
    computation: Hashable
    group: Hashable
    rows: int


class AloneError(Exception):
    """Why a run cannot be part of a batch, in one word."""


def member_order(
    spec: RunSpec, pipeline: BatchedPipeline, *, size_bytes: int, packed: PackedOrder | None = None
) -> MemberOrder:
    """Return the order of a run as that of a member; raises `AloneError` if it cannot be one.

    That of a promised run is ``packed``, and stays so while it waits.
    """
    options = pipeline.options
    if spec.only_missing_outputs or spec.inputs.keys() != pipeline.inputs:
        raise AloneError("inputs")
    if spec.output_format is not UNSET or not spec.outputs or not pipeline.outputs.issuperset(spec.outputs):
        raise AloneError("outputs")
    count, kinds = _rows(spec, options)
    computation = (
        spec.slice,
        _exactly(spec.runtime_params),
        _exactly(spec.load_versions),
        spec.outputs,
        spec.runner,
        spec.is_async,
        spec.retries,
    )
    return MemberOrder(
        read=_Read(spec) if packed is None else packed.read,
        size_bytes=_OBJECTS * size_bytes if packed is None else packed.size_bytes,
        is_promised=packed is not None,
        pipeline=pipeline,
        computation=computation,
        group=(pipeline, packed is None, computation, *kinds),
        rows=count,
    )


def _rows(spec: RunSpec, options: BatchingOptions) -> tuple[int, tuple[Hashable, ...]]:
    """Return how many rows the inputs have, and their kinds."""
    if any(len(value) > options.max_rows for name in options.inputs if type(value := spec.inputs[name]) is list):
        # Before each of them is looked at.
        raise AloneError("rows")
    try:
        found = [rows_of(spec.inputs[name]) for name in options.inputs]
    except RecursionError:
        found = [None]
    kinds = tuple(rows.kind for rows in found if rows is not None)
    counts = {rows.count for rows in found if rows is not None}
    if len(kinds) < len(found) or len(counts) != 1 or max(counts) > options.max_rows or not _is_hashable(kinds):
        raise AloneError("rows")
    return counts.pop(), kinds


def _is_hashable(kinds: tuple[Hashable, ...]) -> bool:
    try:
        hash(kinds)
    except TypeError:
        # Labels of a frame may be anything.
        return False
    return True


def joined_spec(readers: Sequence[Callable[[], RunSpec]], names: Sequence[str]) -> RunSpec:
    """Return one run for the rows of all, which are of one group; ``readers`` return what each is to do."""
    specs = [read() for read in readers]
    inputs = {name: join_rows([spec.inputs[name] for spec in specs]) for name in names}
    return msgspec.structs.replace(specs[0], inputs=inputs)


class _Read(msgspec.Struct, frozen=True, gc=False):
    spec: RunSpec

    def __call__(self) -> RunSpec:
        return self.spec


def _exactly(value: Any) -> Hashable:
    """Return what is equal for equal values of the same types only: 1, 1.0 and true are three, and so are 0.0 and -0.0.

    Raises `AloneError` for a value that did not come from JSON.
    """
    try:
        return _frozen(value)
    except RecursionError as error:
        raise AloneError("params") from error


def _frozen(value: Any) -> Hashable:
    kind = type(value)
    if kind is dict and all(type(key) is str for key in value):
        return ("object", *((key, _frozen(part)) for key, part in value.items()))
    if kind is list:
        return ("list", *map(_frozen, value))
    if kind in (str, int, bool, float) or value is None:
        return (kind.__name__, repr(value) if kind is float else value)
    raise AloneError("params")
