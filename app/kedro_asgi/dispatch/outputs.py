"""What becomes of outputs that nobody said how to convert."""

from typing import Any

import msgspec

from kedro_asgi.dispatch.document import encode
from kedro_asgi.errors import UnencodableOutputError


def to_json(name: str, value: Any) -> msgspec.Raw:
    """Return dataset ``name``'s value as JSON; raises `UnencodableOutputError`."""
    try:
        return msgspec.Raw(encode(value))
    except (TypeError, ValueError, RecursionError, NotImplementedError, OverflowError) as error:
        raise UnencodableOutputError(name, str(error)) from error
