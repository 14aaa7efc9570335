"""Tensors: values in row-major order, with a shape."""

import math
from itertools import accumulate, chain
from operator import mul
from typing import Any

import msgspec

from kedro_asgi.inference_schemas import Datatype
from kedro_asgi.server.inference.errors import InferenceError

# Lists and records that few bytes may become.
_FREE_PARTS = 100_000
_BYTES_OF_A_PART = 4


class Tensor(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A tensor of a request: flat values, and how its sender wants them to be read."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: list[Any]
    content_type: str | None = None

    @property
    def rows(self) -> int:
        """The size of the first dimension."""
        return self.shape[0] if self.shape else 1

    @property
    def is_column(self) -> bool:
        """Whether each row is one value."""
        return bool(self.shape) and len(self.values) == self.shape[0]

    def nested(self) -> Any:
        """Return the values as lists in lists; the one value of a tensor without dimensions."""
        if not self.shape:
            return self.values[0]
        nested = self.values
        for size in reversed(self.shape[1:]):
            nested = [nested[start : start + size] for start in range(0, len(nested), size)]
        return nested


def count_of(name: str, shape: tuple[int, ...]) -> int:
    """Return how many values a shape has; raises `InferenceError` for one whose rows are empty."""
    if 0 in shape[1:]:
        raise InferenceError(f"Input '{name}' has the shape {list(shape)}: only the first dimension may be 0.")
    return math.prod(shape)


def check_size(name: str, parts: int, *, body_bytes: int) -> None:
    """Raise `InferenceError` if a body would become many times as many lists or records as it has bytes."""
    if parts > max(_FREE_PARTS, body_bytes // _BYTES_OF_A_PART):
        raise InferenceError(f"Input '{name}' has too many rows for a body of {body_bytes} bytes.")


def lists_of(shape: tuple[int, ...]) -> int:
    """Return how many lists a nested tensor of that shape has, without the outermost."""
    return sum(accumulate(shape[:-1], mul))


def flat_data(name: str, data: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """Return the values of ``data``, which is flat or nested as the shape says; raises `InferenceError`."""
    count = count_of(name, shape)
    if list not in set(map(type, data)):
        if len(data) != count:
            raise InferenceError(f"Input '{name}' has {len(data)} values, but its shape {list(shape)} has {count}.")
        return data
    if not shape or len(data) != shape[0]:
        raise _mismatch(name, shape)
    level = data
    for size in shape[1:]:
        if not all(type(part) is list and len(part) == size for part in level):
            raise _mismatch(name, shape)
        level = list(chain.from_iterable(level))
    return level


def _mismatch(name: str, shape: tuple[int, ...]) -> InferenceError:
    return InferenceError(f"Input '{name}': the lists of its data do not have the shape {list(shape)}.")


def regular_shape(value: Any) -> tuple[tuple[int, ...], list[Any]] | None:
    """Return the shape and the flat values of lists in lists; ``None`` where their lengths differ."""
    shape: list[int] = []
    level = [value]
    while level and type(level[0]) is list:
        size = len(level[0])
        if not all(type(part) is list and len(part) == size for part in level):
            return None
        shape.append(size)
        level = list(chain.from_iterable(level))
    return None if list in set(map(type, level)) else (tuple(shape), level)
