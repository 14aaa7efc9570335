"""The dataset names of a node in the shape that the user gave: one name, a list, a dict, or none."""

from collections.abc import Callable
from itertools import accumulate

DatasetNames = str | list[str] | dict[str, str] | None


def list_names(names: DatasetNames) -> list[str]:
    """Return the names as a new list."""
    match names:
        case None:
            return []
        case str():
            return [names]
        case dict():
            return list(names.values())
        case _:
            return list(names)


def rename_each(names: DatasetNames, rename: Callable[[str], str]) -> DatasetNames:
    """Return the names in the same shape, each renamed."""
    match names:
        case None:
            return None
        case str():
            return rename(names)
        case dict():
            return {key: rename(name) for key, name in names.items()}
        case _:
            return [rename(name) for name in names]


def comparison_key(names: DatasetNames) -> object:
    """Return a value to compare, hash and sort the names by; it ignores the order of a dict (PIP-14)."""
    match names:
        case list():
            return tuple(names)
        case dict():
            return tuple(sorted(names.items(), key=str))
        case _:
            return names


def format_names(names: list[str]) -> str:
    """Return the names as the text of a node shows them."""
    return f"[{';'.join(names)}]" if names else "None"


def namespace_prefixes(namespace: str | None) -> list[str]:
    """Return all namespaces of a name, outermost first: ``a.b`` gives ``a`` and ``a.b``."""
    return list(accumulate(namespace.split("."), "{}.{}".format)) if namespace else []


def is_within(namespace: str | None, outer: str) -> bool:
    """Tell whether a namespace is ``outer`` or one below it."""
    return namespace is not None and f"{namespace}.".startswith(f"{outer}.")
