"""Parameters of one run over those that all runs share, without a copy of the latter."""

from collections.abc import Iterator, Mapping
from typing import Any


class OverlaidParameters(Mapping[Any, Any]):
    """The values of ``above`` in place of those of ``below`` with the same key, or after them.

    A deep copy is a plain dict, so that nodes and hooks get one.
    """

    __slots__ = ("_above", "_below")

    def __init__(self, below: Mapping[Any, Any], above: Mapping[Any, Any]) -> None:
        self._below = below
        self._above = above

    def __getitem__(self, key: Any) -> Any:
        return self._above[key] if key in self._above else self._below[key]

    def __contains__(self, key: object) -> bool:
        return key in self._above or key in self._below

    def __iter__(self) -> Iterator[Any]:
        return iter({**self._below, **self._above})

    def __len__(self) -> int:
        return len({**self._below, **self._above})

    def __repr__(self) -> str:
        return repr({**self._below, **self._above})

    def __reduce__(self) -> tuple[type, tuple[dict[Any, Any]]]:
        """Copies, also in other processes, are plain dicts."""
        return dict, ({**self._below, **self._above},)
