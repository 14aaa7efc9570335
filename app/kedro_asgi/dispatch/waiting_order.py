"""The order of a run that waits, as JSON if it is large: many times smaller than the values in it."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal

import anyio
import anyio.to_thread
import msgspec
from msgspec import UNSET

from kedro_asgi.encoding import decode_json, encode_json
from kedro_asgi.errors import UnreadableRunError, UnstorableRunError
from kedro_asgi.failures import shown
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.tables.arrow_table import ArrowTable, has_tables

_ORDER = msgspec.json.Decoder(RunOrder)
# The event loop packs smaller orders, in well under a millisecond.
_SMALL_PARTS = 8192


class GivenOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """An order that waits as it is, which ``read`` returns.

    ``size_bytes`` is how much memory its values take, as JSON or tables; 0 where that is not known.
    """

    read: Callable[[], RunSpec]
    size_bytes: int = 0


class PackedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as JSON, as the store has it; ``on_interrupt`` is a part of it."""

    content: bytes
    on_interrupt: Literal["mark", "rerun"] = "mark"

    @property
    def size_bytes(self) -> int:
        """How much memory the order takes."""
        return len(self.content)

    def read(self) -> RunSpec:
        """Return what the run is to do, which may take long; raises `UnreadableRunError`."""
        return self.read_order().spec

    def read_order(self) -> RunOrder:
        """Return the whole order; raises `UnreadableRunError`."""
        try:
            return _with_tables(decode_json(self.content, _ORDER))
        except Exception as error:  # such as too many levels or digits
            raise UnreadableRunError(shown(str(error))) from error


WaitingOrder = GivenOrder | PackedOrder


class OrderPacker:
    """Packs orders as JSON; a thread packs large ones, one at a time. Belongs to one event loop."""

    def __init__(self) -> None:
        self._threads = anyio.CapacityLimiter(1)

    async def pack(self, order: RunOrder, *, is_from_json: bool, json_bytes: int | None = None) -> PackedOrder:
        """Return what `pack` does; ``json_bytes`` is the size of the JSON that the order came from, if it is known."""
        if is_small(order, json_bytes=json_bytes):
            return pack(order, is_from_json=is_from_json)
        work = partial(pack, order, is_from_json=is_from_json)
        return await anyio.to_thread.run_sync(work, limiter=self._threads)


def pack(order: RunOrder, *, is_from_json: bool = False) -> PackedOrder:
    """Return ``order`` as JSON; ``is_from_json`` promises that its values came from JSON, and its inputs are finite.

    Raises `UnstorableRunError` for an order that would not be the same when it is read again.
    """
    try:
        order = without_tables(order)
        if not is_from_json and (number := _non_finite((order.spec.inputs, order.spec.runtime_params))) is not None:
            raise UnstorableRunError(f"JSON has no {number}")
        packed = PackedOrder(content=encode_order(order), on_interrupt=order.on_interrupt)
        if not is_from_json:
            packed.read_order()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableRunError(str(error)) from error
    return packed


def encode_order(order: RunOrder) -> bytes:
    """Return ``order`` as JSON, in which parameters may be NaN or infinite: Kedro accepts those words (SRV-22).

    msgspec would write ``null``, the standard library writes the words, and `PackedOrder` reads them.
    """
    if has_finite_parameters(order):
        return encode_json(order, fallback=None)
    return json.dumps(msgspec.to_builtins(order, order="deterministic"), separators=(",", ":")).encode()


def has_finite_parameters(order: RunOrder) -> bool:
    """Whether no parameter of ``order`` is NaN or infinite."""
    return _non_finite((order.spec.runtime_params,)) is None


def without_tables(order: RunOrder) -> RunOrder:
    """Return ``order`` with tables of Arrow as bytes, which JSON can hold."""
    spec = order.spec
    if not has_tables(spec.inputs):
        return order
    # Few runs get such tables.
    from kedro_asgi.tables.arrow import write_stream

    tables = {name: value for name, value in spec.inputs.items() if type(value) is ArrowTable}
    others = {name: value for name, value in spec.inputs.items() if name not in tables}
    streams = {name: memoryview(write_stream(value.table)) for name, value in tables.items()}
    spec = msgspec.structs.replace(spec, inputs=others, tables=streams)
    return msgspec.structs.replace(order, spec=spec)


def _with_tables(order: RunOrder) -> RunOrder:
    """Return an order that `without_tables` has returned, with its tables."""
    spec = order.spec
    if not spec.tables:
        return order
    from kedro_asgi.tables.arrow import stored_table

    tables = {name: ArrowTable(stored_table(content)) for name, content in spec.tables.items()}
    spec = msgspec.structs.replace(spec, inputs={**spec.inputs, **tables}, tables=UNSET)
    return msgspec.structs.replace(order, spec=spec)


def is_small(order: RunOrder, *, json_bytes: int | None = None) -> bool:
    """Whether packing ``order`` takes next to no time; so does asking.

    ``json_bytes`` is the size of the JSON that the values came from: they have no more parts than that has bytes.
    """
    if json_bytes is not None:
        return json_bytes <= _SMALL_PARTS
    parts = 0
    rest: list[Any] = [order.spec.inputs, order.spec.runtime_params]
    while rest:
        match rest.pop():
            case str() | bytes() as text:
                parts += len(text)
            case Mapping() as mapping:
                parts += len(mapping)
                rest += _few(mapping.values(), len(mapping)) + _few(mapping, len(mapping))
            case list() | tuple() as values:
                parts += len(values)
                rest += _few(values, len(values))
            case ArrowTable():
                return False
        if parts > _SMALL_PARTS:
            return False
    return True


def _few(values: Iterable[Any], count: int) -> list[Any]:
    return list(values) if count <= _SMALL_PARTS else []


def _non_finite(values: Iterable[Any]) -> float | None:
    """Return a NaN or an infinity among ``values``, if there is one."""
    rest, seen = list(values), set[int]()
    while rest:
        match rest.pop():
            case Mapping() as mapping if id(mapping) not in seen:
                seen.add(id(mapping))
                rest += mapping.values()
            case list() | tuple() as parts if id(parts) not in seen:
                seen.add(id(parts))
                rest += parts
            case float() as number if not math.isfinite(number):
                return number
    return None
