"""An entry of the catalog before a run gives it its values."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from kedro_asgi.configuration_tree import ConfigValue
from kedro_asgi.io.copying import copy_containers, iterate_leaves, map_leaves
from kedro_asgi.placeholders import fill_placeholders
from kedro_asgi.runs import RuntimeParams


class Entry(Protocol):
    """One catalog entry, one body of a dataset factory pattern, or one set of credentials; immutable."""

    @property
    def name(self) -> str:
        """Its key in the configuration file."""
        ...

    @property
    def is_static(self) -> bool:
        """Whether no value in it depends on a run."""
        ...

    @property
    def selects_type(self) -> bool:
        """Whether a value of a run could decide a dataset's type."""
        ...

    def resolve(self, runtime: RuntimeParams) -> ConfigValue:
        """Return its value for one run, as a tree that belongs to the caller."""
        ...

    def texts(self) -> Iterator[str]:
        """Yield the literal texts among its values."""
        ...

    def substitute(self, placeholders: Mapping[str, str]) -> "Entry":
        """Return an entry whose literal texts have ``{placeholder}`` replaced."""
        ...


class PlainEntry:
    """An entry that is a plain value, as in a catalog written in Python."""

    __slots__ = ("_value", "name")

    is_static = True
    selects_type = False

    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self._value = value

    def resolve(self, runtime: RuntimeParams) -> ConfigValue:
        value: ConfigValue = copy_containers(self._value)
        return value

    def texts(self) -> Iterator[str]:
        return (leaf for leaf in iterate_leaves(self._value) if isinstance(leaf, str))

    def substitute(self, placeholders: Mapping[str, str]) -> "PlainEntry":
        def fill(leaf: object) -> object:
            return fill_placeholders(leaf, placeholders) if isinstance(leaf, str) else leaf

        return PlainEntry(self.name, map_leaves(self._value, fill))


def plain_entries(values: Mapping[str, object] | None) -> dict[str, Entry]:
    """Return the values of a plain mapping as entries."""
    return {name: PlainEntry(name, value) for name, value in (values or {}).items()}
