"""The content of resources, and why there is none."""

from typing import Any

import msgspec

from kedro_asgi.encoding import encode_json
from kedro_asgi.media_types import JSON


class NoResourceError(Exception):
    """A resource does not exist, or cannot be read now."""


class ResourceText(msgspec.Struct, frozen=True):
    """The content of a resource and its media type."""

    text: str
    media_type: str = JSON


def json_resource(value: Any) -> ResourceText:
    """Return a value as a resource."""
    return ResourceText(encode_json(value).decode())
