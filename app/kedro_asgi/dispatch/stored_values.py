"""Values of callers in the form in which a store keeps them, which is the form that the run gets."""

from collections.abc import Mapping
from typing import Any

import anyio.to_thread
import msgspec

from kedro_asgi.encoding import decode_json, encode_exactly
from kedro_asgi.errors import UnstorableRunError
from kedro_asgi.runs import RunOrder

_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


async def storable(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values as they come back from a store: a frame as a list of records, a date as text.

    A dataset that loads frames makes a frame of the records again. Raises `UnstorableRunError`, which names the value
    that has no such form, or that would change: NaN is none, except as a missing value in a frame.
    """
    given = dict(values or {})
    if not given:
        return given
    # A value may have millions of rows.
    return await anyio.to_thread.run_sync(_plain_values, given)


def readable_order(**fields: Any) -> RunOrder:
    """Return an order that another worker can read from the store; raises `UnstorableRunError` for any other."""
    try:
        return msgspec.convert(fields, RunOrder)
    except msgspec.ValidationError as error:
        raise UnstorableRunError(str(error)) from error


def _plain_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(name, value) for name, value in values.items()}


def _plain_value(name: str, value: Any) -> Any:
    try:
        return decode_json(encode_exactly(value), _ANYTHING)
    except Exception as error:  # a lazy frame is computed now, which may fail in any way
        raise UnstorableRunError(f"'{name}' has no JSON form: {error}") from error
