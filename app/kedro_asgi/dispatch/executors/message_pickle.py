"""Messages as bytes: the pickle of a message, and its large arrays beside it."""

import pickle
from collections.abc import Sequence
from typing import Any

Buffer = bytes | bytearray | memoryview


def encode_message(message: Any) -> list[Buffer]:
    """Return a message as bytes: its pickle, and large arrays of it as they are in memory, without a copy.

    Raises what the classes of its values raise.
    """
    buffers: list[pickle.PickleBuffer] = []
    parts: list[Buffer] = [pickle.dumps(message, protocol=5, buffer_callback=buffers.append)]
    return [*parts, *(buffer.raw() for buffer in buffers)]


def decode_message(parts: Sequence[Buffer]) -> Any:
    """Return the message of `encode_message`; raises what the classes of its values raise when they are restored."""
    value, *buffers = parts
    return pickle.loads(value, buffers=buffers)
