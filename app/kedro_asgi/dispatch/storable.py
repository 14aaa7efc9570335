"""Values of callers in the form in which a store keeps them, which is the form that the run gets."""

from collections.abc import Mapping
from typing import Any

import anyio.to_thread

from kedro_asgi.errors import UnstorableRunError
from kedro_asgi.io.inputs import is_plain
from kedro_asgi.tables import as_plain


async def storable(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values as they come back from a store: a frame as a list of records, a date as text.

    A dataset that loads frames makes a frame of the records again. Raises `UnstorableRunError`, which names the value
    that has no such form.
    """
    given = dict(values or {})
    if all(value is None or is_plain(value) for value in given.values()):
        return given
    # A frame may have millions of rows.
    return await anyio.to_thread.run_sync(_plain_values, given)


def _plain_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(name, value) for name, value in values.items()}


def _plain_value(name: str, value: Any) -> Any:
    if is_plain(value):
        return value
    try:
        return as_plain(value)
    except Exception as error:  # a lazy frame is computed now, which may fail in any way
        raise UnstorableRunError(f"'{name}' has no JSON form: {error}") from error
