"""How sure it is that a computation gives each run in a batch what it gives the run alone."""

import math
from collections.abc import Iterable

from kedro_asgi.encoding import encode_json

# A pipeline that sorts its rows leaves them in their places by chance once in 1000 times.
_ENOUGH = math.log(1000)


class Proof:
    """Adds up how many different runs of one computation were compared. Belongs to one event loop.

    The members of a batch that is compared come in any order, so a pipeline that changes the order of rows is found
    whatever order callers have. Runs with equal rows prove nothing.
    """

    def __init__(self) -> None:
        self._evidence = 0.0

    @property
    def is_enough(self) -> bool:
        """Whether batches need not be compared any more, but for spot checks."""
        return self._evidence >= _ENOUGH

    def add(self, inputs: Iterable[object]) -> None:
        """The runs of one batch with these inputs have had the same outputs alone."""
        different = set(map(_text, inputs))
        # The logarithm of the number of orders that the rows could have had; one of them was right.
        self._evidence += math.lgamma(len(different) + 1)


def _text(inputs: object) -> bytes:
    try:
        return encode_json(inputs)
    except Exception:  # an object of a caller may raise anything; all such inputs count as equal
        return b""
