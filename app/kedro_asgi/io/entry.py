"""An entry of the catalog before a run gives it its values."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from kedro_asgi.io.tree import copied, leaves, mapped
from kedro_asgi.placeholders import filled
from kedro_asgi.runs import RuntimeParams


class Entry(Protocol):
    """One catalog entry, one body of a dataset factory pattern, or one set of credentials. Never changes."""

    @property
    def name(self) -> str:
        """The key under which it stands in its file."""
        ...

    @property
    def is_static(self) -> bool:
        """Whether no value in it depends on a run."""
        ...

    @property
    def selects_type(self) -> bool:
        """Whether a value that a run brings could decide a dataset's type."""
        ...

    def resolve(self, runtime: RuntimeParams) -> Any:
        """Return its value for one run, as a tree that nobody else holds."""
        ...

    def texts(self) -> Iterator[str]:
        """Yield the literal texts among its values."""
        ...

    def substitute(self, placeholders: Mapping[str, str]) -> "Entry":
        """Return an entry whose literal texts have ``{placeholder}`` replaced (CAT-22)."""
        ...


class PlainEntry:
    """An entry that is a plain value, as in a catalog written in Python."""

    __slots__ = ("_value", "name")

    is_static = True
    selects_type = False

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self._value = value

    def resolve(self, runtime: RuntimeParams) -> Any:
        return copied(self._value)

    def texts(self) -> Iterator[str]:
        return (leaf for leaf in leaves(self._value) if isinstance(leaf, str))

    def substitute(self, placeholders: Mapping[str, str]) -> "PlainEntry":
        def fill(leaf: Any) -> Any:
            return filled(leaf, placeholders) if isinstance(leaf, str) else leaf

        return PlainEntry(self.name, mapped(self._value, fill))


def plain_entries(values: Mapping[str, Any] | None) -> dict[str, Entry]:
    """Return the values of a plain mapping as entries."""
    return {name: PlainEntry(name, value) for name, value in (values or {}).items()}
