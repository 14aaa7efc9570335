"""The form in which the outputs of promised runs are kept."""

from typing import Any

# Each message of a stream of Arrow begins so, and no text in UTF-8 does.
_CONTINUATION = b"\xff\xff\xff\xff"


def is_columnar(content: Any) -> bool:
    """Tell whether an output, whose bytes are in a buffer of any kind, is a stream of Arrow, and not JSON."""
    return bytes(memoryview(content)[: len(_CONTINUATION)]) == _CONTINUATION
